//! What crashes leave behind, and that the next start copes. Must never signal a process it did not start.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a test says what failed by failing there"
)]

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid};

use super::{EmbeddedPostgres, ask, folder, made, server_account, start, tell};

#[tokio::test]
async fn a_killed_server_recovers() {
    let dir = folder();
    let server = start(dir.path()).await;
    tell(
        &server,
        "create table kept (word text); insert into kept values ('committed')",
    )
    .await;
    kill(pid(&server), Signal::SIGKILL).unwrap();
    server.stop().await.unwrap();

    let server = start(dir.path()).await;
    assert_eq!(ask(&server, "select word from kept").await, "committed");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_dropped_server_is_ended_by_its_watchdog() {
    let dir = folder();
    let server = start(dir.path()).await;
    let number = server.pid();
    drop(server);
    wait_until("the end of the dropped server", || !runs(number));
    start(dir.path()).await.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_left_behind_is_ended_first() {
    let dir = folder();
    let server = start(dir.path()).await;
    tell(
        &server,
        "create table kept (word text); insert into kept values ('committed')",
    )
    .await;
    let number = server.pid();
    // The folder becomes free at once; the server is still shutting down, at the watchdog's word.
    drop(server);
    let server = start(dir.path()).await;
    assert!(!runs(number));
    assert_eq!(ask(&server, "select word from kept").await, "committed");
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_stale_pid_of_another_process_is_no_obstacle() {
    let dir = made().await;
    let mut stranger = Command::new("sleep")
        .arg("600")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let file = dir.path().join("postgres/data/postmaster.pid");
    for text in [
        format!("{}\n{}\n", stranger.id(), dir.path().display()),
        String::new(),
        "2147483646\n".to_owned(),
    ] {
        fs::write(&file, text).unwrap();
        start(dir.path()).await.stop().await.unwrap();
    }
    assert!(
        stranger.try_wait().unwrap().is_none(),
        "the stranger was left alone"
    );
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn half_a_cluster_is_made_again() {
    let dir = folder();
    let cluster = dir.path().join("postgres");
    fs::create_dir_all(cluster.join("data.new/base")).unwrap();
    fs::write(cluster.join("data.new/PG_VERSION"), "18\n").unwrap();
    fs::write(cluster.join("password.new"), "abc").unwrap();
    if Uid::effective().is_root() {
        let nobody = server_account();
        chown(
            &cluster,
            Some(nobody.uid.as_raw()),
            Some(nobody.gid.as_raw()),
        )
        .unwrap();
    }
    start(dir.path()).await.stop().await.unwrap();
    assert!(!cluster.join("data.new").exists());
}

/// The other side of a process boundary: this test starts the tests' own program again, as a daybook that is killed
/// or, for root, as another user.
#[tokio::test]
async fn a_killed_daybook_leaves_no_server_behind() {
    let dir = folder();
    let mut commands = vec![("ourselves", Command::new(std::env::current_exe().unwrap()))];
    let copy = folder();
    if Uid::effective().is_root() {
        let program = copy.path().join("it");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        commands.push(("nobody", as_user(&program)));
    }
    for (who, mut command) in commands {
        let data = dir.path().join(who);
        fs::create_dir(&data).unwrap();
        if who == "nobody" {
            let nobody = server_account();
            chown(&data, Some(nobody.uid.as_raw()), Some(nobody.gid.as_raw())).unwrap();
        }
        let Child {
            mut daybook,
            server,
        } = child(&mut command, &data);
        assert!(runs(server));
        daybook.kill().unwrap();
        daybook.wait().unwrap();
        wait_until("the end of the server of a killed daybook", || {
            !runs(server)
        });
    }
    // What another user made, root can go on with.
    if Uid::effective().is_root() {
        start(&dir.path().join("nobody"))
            .await
            .stop()
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn of_a_throw_away_server_nothing_remains() {
    let before = throw_aways();
    let server = EmbeddedPostgres::start_throw_away().await.unwrap();
    assert_eq!(ask(&server, "select 'alive'").await, "alive");
    let made: Vec<_> = throw_aways()
        .into_iter()
        .filter(|dir| !before.contains(dir) && belongs(dir, server.pid()))
        .collect();
    assert_eq!(made.len(), 1);
    server.stop().await.unwrap();
    assert!(!made[0].exists());

    let mut killed = child(
        &mut Command::new(std::env::current_exe().unwrap()),
        Path::new(""),
    );
    let dir = throw_aways()
        .into_iter()
        .find(|dir| belongs(dir, killed.server))
        .unwrap();
    killed.daybook.kill().unwrap();
    killed.daybook.wait().unwrap();
    wait_until("the removal of the folder of a killed daybook", || {
        !dir.exists()
    });
    assert!(!runs(killed.server));
}

fn throw_aways() -> Vec<PathBuf> {
    let entries = fs::read_dir(std::env::temp_dir()).unwrap();
    entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .collect()
}

/// Whether the server of that number keeps its data in the folder.
fn belongs(dir: &Path, server: u32) -> bool {
    fs::read_to_string(dir.join("postgres/data/postmaster.pid"))
        .is_ok_and(|text| text.lines().next() == Some(&server.to_string()))
}

/// The tests' own program as a daybook, and the number of its server.
struct Child {
    daybook: std::process::Child,
    server: u32,
}

/// Starts it and waits until it says that its server runs. The empty folder stands for a throw-away server.
fn child(command: &mut Command, data: &Path) -> Child {
    let mut daybook = command
        .args([
            "--exact",
            "embedded::crash::child_that_serves",
            "--nocapture",
            "--test-threads=1",
        ])
        .env("DAYBOOK_IT_CHILD", data)
        .stdout(Stdio::piped())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(daybook.stdout.take().unwrap()).lines();
    let said = lines
        .map(Result::unwrap)
        .find_map(|line| line.split_once("pid=").map(|(_, pid)| pid.to_owned()));
    let server = said
        .unwrap_or_else(|| panic!("the child did not start on {}", data.display()))
        .parse()
        .unwrap();
    Child { daybook, server }
}

/// Not a test of its own: what [`a_killed_daybook_leaves_no_server_behind`] starts and kills.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "how the parent names the folder")]
async fn child_that_serves() {
    let Some(dir) = std::env::var_os("DAYBOOK_IT_CHILD") else {
        return;
    };
    let server = if dir.is_empty() {
        EmbeddedPostgres::start_throw_away().await.unwrap()
    } else {
        start(Path::new(&dir)).await
    };
    println!("pid={}", server.pid());
    std::future::pending::<()>().await;
}

/// The program as the user that root lends its server, with the programs that root itself uses.
fn as_user(program: &Path) -> Command {
    use std::os::unix::process::CommandExt as _;
    let account = server_account();
    let mut command = Command::new(program);
    command
        .uid(account.uid.as_raw())
        .gid(account.gid.as_raw())
        .current_dir("/")
        .env("HOME", "/nonexistent");
    command
}

fn pid(server: &EmbeddedPostgres) -> Pid {
    Pid::from_raw(i32::try_from(server.pid()).unwrap())
}

/// Waits for a condition that another process brings about.
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(
            Instant::now() < deadline,
            "{what} did not happen within 30 s"
        );
        std::thread::yield_now();
    }
}

/// Whether a process of that number runs; one that has ended but was not waited for does not.
fn runs(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .trim_start()
            .starts_with('Z')
    })
}
