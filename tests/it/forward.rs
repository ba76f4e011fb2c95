//! A TCP forwarder between a program and its database, which can lose connections, keep answers back, turn callers away,
//! and lead to another server. It knows nothing of what it carries.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

/// What happens to a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Line {
    Open,
    /// What the server says is thrown away.
    Deaf,
    /// The client has lost it; the server has not noticed.
    Lost,
}

/// The forwarder; ends when dropped.
pub struct Forwarder {
    state: Arc<State>,
    address: SocketAddr,
    _tasks: JoinSet<()>,
}

struct State {
    /// Where new connections lead; none are taken without.
    target: Mutex<Option<u16>>,
    /// The fate of the connections that are there; new ones get a new one.
    line: Mutex<watch::Sender<Line>>,
}

impl Forwarder {
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            target: Mutex::new(Some(target)),
            line: Mutex::new(watch::Sender::new(Line::Open)),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, state.clone()));
        Self {
            state,
            address,
            _tasks: tasks,
        }
    }

    /// A server's URL through the forwarder.
    pub fn through(&self, url: &str) -> String {
        let (start, database) = url.rsplit_once('/').unwrap();
        let (start, _port) = start.rsplit_once(':').unwrap();
        format!("{start}:{}/{database}", self.address.port())
    }

    /// From now on nothing that the server says on the connections that are there reaches its client.
    pub fn keep_answers(&self) {
        let line = self.state.line.lock().unwrap();
        line.send_replace(Line::Deaf);
    }

    /// Ends the connections that are there for their clients. The server keeps its ends open and hears nothing more, as
    /// when a network breaks.
    pub fn cut(&self) {
        let mut line = self.state.line.lock().unwrap();
        line.send_replace(Line::Lost);
        *line = watch::Sender::new(Line::Open);
    }

    /// Where new connections lead; without a place they are ended at once.
    pub fn lead_to(&self, target: Option<u16>) {
        *self.state.target.lock().unwrap() = target;
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let line = state.line.lock().unwrap().subscribe();
        let target = *state.target.lock().unwrap();
        if let Some(port) = target {
            connections.spawn(carry(client, port, line));
        }
    }
}

async fn carry(client: TcpStream, port: u16, mut line: watch::Receiver<Line>) {
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
        return;
    };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (mut asks, mut told) = client.into_split();
    let (mut answers, mut asked) = server.into_split();
    tokio::select! {
        _ = tokio::io::copy(&mut asks, &mut asked) => return,
        () = answer(&mut answers, &mut told, line.clone()) => return,
        lost = line.wait_for(|line| *line == Line::Lost) => {
            if lost.is_err() {
                return;
            }
        }
    }
    drop((asks, told));
    // The server's end stays open until the server itself gives up.
    let mut rest = [0; 4096];
    while matches!(answers.read(&mut rest).await, Ok(1..)) {}
}

async fn answer(
    server: &mut OwnedReadHalf,
    client: &mut OwnedWriteHalf,
    line: watch::Receiver<Line>,
) {
    let mut bytes = [0; 16 << 10];
    while let Ok(count @ 1..) = server.read(&mut bytes).await {
        if *line.borrow() == Line::Open && client.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
