//! Bodies of 100 MB, sent piece by piece over a socket of our own: the answer must come long before their end.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{Shop, check::Report, schema::Document};

const FLOOD: usize = 100 << 20;
const PIECE: usize = 64 << 10;
/// How much may have been taken in when the answer is there: the limit, and what lies in sockets on the way.
const ENOUGH: usize = 32 << 20;

pub async fn run(shop: &Shop, document: &Document) -> Report {
    let mut report = Report::default();
    let route = document
        .routes()
        .into_iter()
        .find(|route| route.creates && route.context == "order")
        .unwrap();
    let path = route
        .path
        .replace("{id}", &shop.id("order", true).to_string());
    for chunked in [false, true] {
        for (path, kind) in [
            (path.as_str(), "application/json"),
            ("/api/v1/commands", "application/x-ndjson"),
            ("/graphql", "application/json"),
        ] {
            let name = format!(
                "{path}, {}",
                if chunked {
                    "chunked"
                } else {
                    "with its length"
                }
            );
            report.note(&name, flood(shop, path, kind, chunked).await);
        }
    }
    report
}

async fn flood(shop: &Shop, path: &str, kind: &str, chunked: bool) -> Result<(), String> {
    let host = shop.app.url.strip_prefix("http://").unwrap();
    let (mut reader, mut writer) = TcpStream::connect(host)
        .await
        .map_err(|e| e.to_string())?
        .into_split();
    let length = if chunked {
        "transfer-encoding: chunked".to_owned()
    } else {
        format!("content-length: {FLOOD}")
    };
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\ncontent-type: {kind}\r\nconnection: close\r\n{length}\r\n\r\n",
        shop.tenant.key
    );
    let answer = async {
        let mut found = Vec::new();
        let mut piece = [0; 4096];
        // A reset after the answer is the server's way to say that it will not read the rest.
        while let Ok(n) = reader.read(&mut piece).await
            && n > 0
        {
            found.extend_from_slice(&piece[..n]);
            if complete(&found) {
                break;
            }
        }
        String::from_utf8_lossy(&found).into_owned()
    };
    let mut sent = 0;
    let pour = async {
        let piece = if chunked {
            [
                format!("{PIECE:x}\r\n").as_bytes(),
                &vec![b'x'; PIECE],
                b"\r\n",
            ]
            .concat()
        } else {
            vec![b'x'; PIECE]
        };
        if writer.write_all(head.as_bytes()).await.is_err() {
            return;
        }
        while sent < FLOOD && writer.write_all(&piece).await.is_ok() {
            sent += PIECE;
        }
        // Nothing more to send, or nobody to send it to: the answer decides.
        std::future::pending::<()>().await;
    };
    let text = tokio::select! {
        text = answer => text,
        () = pour => String::new(),
        () = tokio::time::sleep(std::time::Duration::from_secs(20)) => "no answer in 20 s".to_owned(),
    };
    if !text.starts_with("HTTP/1.1 413 ") {
        return Err(format!(
            "after {sent} bytes: {}",
            text.lines().next().unwrap_or("nothing at all")
        ));
    }
    if sent > ENOUGH {
        return Err(format!("{sent} bytes went in before the refusal"));
    }
    super::check::discreet(&text)
}

/// Whether the head and as much as it promises are there.
fn complete(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let promised = head.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length: ")?
            .parse::<usize>()
            .ok()
    });
    promised.is_some_and(|length| body.len() >= length)
}
