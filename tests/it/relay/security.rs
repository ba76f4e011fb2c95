//! A broker that wants TLS and a password: both come from a file.

use std::{path::Path, process::Command};

use projections::kafka::{Settings, topic::Admin};

use super::{Running, published, some_events};
use crate::{broker::Broker, harness};

const PASSWORD: &str = "only-a-test";

/// A key of the broker's own that it trusts itself, and its certificate for clients.
fn certificate(folder: &Path) {
    let keytool = |arguments: &[&str]| {
        let output = Command::new("keytool")
            .args(arguments)
            .args(["-storepass", PASSWORD, "-noprompt"])
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    keytool(&[
        "-genkeypair",
        "-alias",
        "broker",
        "-keystore",
        "key.p12",
        "-storetype",
        "PKCS12",
        "-keyalg",
        "EC",
        "-dname",
        "CN=broker",
        "-ext",
        "san=ip:127.0.0.1",
    ]);
    keytool(&[
        "-exportcert",
        "-rfc",
        "-alias",
        "broker",
        "-keystore",
        "key.p12",
        "-file",
        "broker.pem",
    ]);
    keytool(&[
        "-importcert",
        "-alias",
        "broker",
        "-keystore",
        "trust.p12",
        "-storetype",
        "PKCS12",
        "-file",
        "broker.pem",
    ]);
}

fn server_settings(folder: &Path) -> (String, String) {
    certificate(folder);
    let dir = folder.display();
    let login = "org.apache.kafka.common.security.plain.PlainLoginModule required";
    let settings = format!(
        "ssl.keystore.location={dir}/key.p12
ssl.keystore.password={PASSWORD}
ssl.truststore.location={dir}/trust.p12
ssl.truststore.password={PASSWORD}
sasl.mechanism.inter.broker.protocol=PLAIN
listener.name.clients.sasl.enabled.mechanisms=PLAIN
listener.name.clients.plain.sasl.jaas.config={login} username=\"broker\" password=\"{PASSWORD}\" user_broker=\"{PASSWORD}\" user_daybook=\"{PASSWORD}\";
"
    );
    (settings, "SASL_SSL".to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_and_passwords_come_from_a_file() {
    let mut pem = String::new();
    let broker = Broker::start_with(|folder| {
        let settings = server_settings(folder);
        pem = folder.join("broker.pem").display().to_string();
        settings
    })
    .await;
    let properties = |password: &str| {
        format!(
            "security.protocol = SASL_SSL\nssl.ca.location = {pem}\nsasl.mechanism = PLAIN\nsasl.username = daybook\nsasl.password = {password}\n"
        )
    };
    let settings = |properties: &str| {
        Settings::try_new(broker.brokers(), "safe", "main", 1, properties).unwrap()
    };
    let database = harness::database().await;
    let store = database.store().await;
    some_events(&store, 2).await;
    let right = settings(&properties(PASSWORD));
    let admin = Admin::try_new(&right, 16).unwrap();
    admin.apply(admin.plan().await.unwrap()).await.unwrap();
    let relay = Running::start(&store, &right);
    published(&store).await;
    relay.stop().await;

    for wrong in [properties("guessed"), String::new()] {
        let admin = Admin::try_new(&settings(&wrong), 16).unwrap();
        let error = admin.plan().await.unwrap_err().to_string();
        assert!(
            error.contains("what kafka.properties says of TLS and SASL"),
            "{error}"
        );
        assert!(!error.contains("guessed"));
    }
    store.close().await;
}
