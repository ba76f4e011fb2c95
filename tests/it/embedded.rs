//! The embedded server against the real thing: every test starts PostgreSQL in a folder of its own. Must never touch a
//! server it did not start.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what failed by failing there"
)]

mod crash;
mod trouble;

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use daybook::embedded::{EmbeddedPostgres, Error, Options};
use nix::unistd::User;
use tempfile::TempDir;

/// A folder that the server's user can reach when root runs the tests.
fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("daybook-it-")
        .permissions(fs::Permissions::from_mode(0o755))
        .tempdir()
        .unwrap()
}

fn options(dir: &Path) -> Options {
    Options {
        data_dir: dir.to_owned(),
        port: 0,
    }
}

async fn start(dir: &Path) -> EmbeddedPostgres {
    EmbeddedPostgres::start(&options(dir)).await.unwrap()
}

/// A first start and stop, so that the folder holds a cluster.
async fn made() -> TempDir {
    let dir = folder();
    start(dir.path()).await.stop().await.unwrap();
    dir
}

/// The text of the one value the statement returns.
async fn ask(server: &EmbeddedPostgres, sql: &'static str) -> String {
    use sqlx::Connection as _;
    let mut connection = sqlx::PgConnection::connect(server.url()).await.unwrap();
    let answer: String = sqlx::query_scalar(sql)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    answer
}

async fn tell(server: &EmbeddedPostgres, sql: &'static str) {
    use sqlx::Connection as _;
    let mut connection = sqlx::PgConnection::connect(server.url()).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// The account that root lends its server.
fn server_account() -> User {
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| User::from_name(name).unwrap())
        .unwrap()
}

#[tokio::test]
async fn data_and_port_survive_a_restart() {
    let dir = folder();
    let server = start(dir.path()).await;
    tell(
        &server,
        "create table kept (word text); insert into kept values ('still here')",
    )
    .await;
    let url = server.url().to_owned();
    server.stop().await.unwrap();

    let server = start(dir.path()).await;
    assert_eq!(ask(&server, "select word from kept").await, "still here");
    assert_eq!(server.url(), url, "same password, same port");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn the_server_is_private_safe_and_utf8() {
    let dir = folder();
    let server = start(dir.path()).await;
    assert_eq!(
        ask(&server, "select current_user::text").await,
        "daybook_root"
    );
    assert_eq!(
        ask(&server, "select current_database()::text").await,
        "daybook"
    );
    let settings = "select string_agg(name || '=' || setting, ' ' order by name) from pg_settings where name in \
         ('data_checksums', 'fsync', 'full_page_writes', 'listen_addresses', 'password_encryption', \
          'server_encoding', 'synchronous_commit', 'unix_socket_directories')";
    assert_eq!(
        ask(&server, settings).await,
        "data_checksums=on fsync=on full_page_writes=on listen_addresses=127.0.0.1 \
         password_encryption=scram-sha-256 server_encoding=UTF8 synchronous_commit=on unix_socket_directories="
    );
    assert_eq!(
        ask(&server, "select upper('äß€ñ') collate pg_c_utf8").await,
        "ÄSS€Ñ".replace("SS", "ß")
    );
    assert_eq!(
        ask(
            &server,
            "select count(*)::text from pg_available_extensions where name = 'vector'"
        )
        .await,
        "1"
    );
    let mode = fs::metadata(dir.path().join("postgres/password"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let stranger = server.url().replace("daybook_root:", "daybook_root:x");
    let refused = <sqlx::PgConnection as sqlx::Connection>::connect(&stranger)
        .await
        .unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("password authentication failed"),
        "{refused}"
    );
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_start_on_the_folder_is_refused() {
    let dir = folder();
    let server = start(dir.path()).await;
    let error = EmbeddedPostgres::start(&options(dir.path()))
        .await
        .unwrap_err();
    let Error::InUse { pid, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*pid, std::process::id().to_string());
    assert!(
        error.to_string().contains(dir.path().to_str().unwrap()),
        "{error}"
    );
    assert_eq!(ask(&server, "select 'unharmed'").await, "unharmed");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let dir = made().await;
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = other.local_addr().unwrap().port();
    let error = EmbeddedPostgres::start(&Options {
        data_dir: dir.path().to_owned(),
        port,
    })
    .await
    .unwrap_err();
    assert!(
        matches!(error, Error::PortInUse { port: named } if named == port),
        "{error}"
    );

    drop(other);
    let server = EmbeddedPostgres::start(&Options {
        data_dir: dir.path().to_owned(),
        port,
    })
    .await
    .unwrap();
    assert!(
        server
            .url()
            .ends_with(&format!("@127.0.0.1:{port}/daybook"))
    );
    server.stop().await.unwrap();

    // The remembered port is only a wish.
    let _other = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    let server = start(dir.path()).await;
    assert!(!server.url().contains(&format!(":{port}/")));
    server.stop().await.unwrap();
}
