//! What the operator has to put right: each is named, and nothing is harmed. Must never leave a mount behind.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test says what failed by failing there"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use daybook::embedded::{EmbeddedPostgres, Error};
use nix::unistd::Uid;

use super::{ask, folder, made, options, start, tell};

#[tokio::test]
async fn what_cannot_be_used_is_named_and_left_alone() {
    let dir = made().await;
    let data = dir.path().join("postgres/data");
    let version = data.join("PG_VERSION");

    fs::write(&version, "17\n").unwrap();
    let error = EmbeddedPostgres::start(&options(dir.path()))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::OtherVersion { found, .. } if found == "17"),
        "{error}"
    );

    fs::remove_file(&version).unwrap();
    let error = EmbeddedPostgres::start(&options(dir.path()))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotACluster { .. }), "{error}");

    fs::write(&version, "18\n").unwrap();
    fs::remove_file(dir.path().join("postgres/password")).unwrap();
    let error = EmbeddedPostgres::start(&options(dir.path()))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NoPassword { .. }), "{error}");

    let file = folder();
    fs::write(file.path().join("data"), "a file").unwrap();
    let error = EmbeddedPostgres::start(&options(&file.path().join("data")))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Folder { .. }), "{error}");
}

/// The end of the log tells why a start failed; a setting no server accepts makes one fail.
#[tokio::test]
async fn a_server_that_does_not_start_shows_its_log() {
    let dir = made().await;
    let file = dir.path().join("postgres/data/postgresql.conf");
    let settings = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{settings}\nno_such_setting = 1\n")).unwrap();
    let error = EmbeddedPostgres::start(&options(dir.path()))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::DidNotStart { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains("unrecognized configuration parameter \"no_such_setting\""),
        "{error}"
    );
}

/// Needs root: others cannot mount a small file system, and root is not refused by a folder's mode.
#[tokio::test]
async fn a_full_and_a_read_only_disk_are_told_apart() {
    let dir = folder();
    if !Uid::effective().is_root() {
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o555)).unwrap();
        let error = EmbeddedPostgres::start(&options(dir.path()))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
        return;
    }
    let Some(small) = Mount::tmpfs(dir.path(), "size=24m,mode=755") else {
        return;
    };
    let error = EmbeddedPostgres::start(&options(dir.path()))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    small.remount("size=300m");
    start(dir.path()).await.stop().await.unwrap();

    let read_only = small.read_only();
    let error = EmbeddedPostgres::start(&options(dir.path()))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::ReadOnly { .. }), "{error}");
    drop(read_only);
    let fill = dir.path().join("fill");
    let filled = std::io::copy(
        &mut std::io::repeat(0),
        &mut fs::File::create(&fill).unwrap(),
    )
    .unwrap_err();
    assert_eq!(filled.kind(), std::io::ErrorKind::StorageFull);
    let error = EmbeddedPostgres::start(&options(dir.path()))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::DiskFull { .. }), "{error}");
    fs::remove_file(&fill).unwrap();
    start(dir.path()).await.stop().await.unwrap();
}

/// Only root has a server that cannot go where daybook can.
#[tokio::test]
async fn roots_server_lives_elsewhere_when_it_cannot_reach_the_folder() {
    if !Uid::effective().is_root() {
        return;
    }
    let private = folder();
    fs::set_permissions(private.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let dir = private.path().join("data");
    let server = start(&dir).await;
    tell(
        &server,
        "create table kept (word text); insert into kept values ('elsewhere')",
    )
    .await;
    server.stop().await.unwrap();
    let cluster = PathBuf::from(
        fs::read_to_string(dir.join("postgres.path"))
            .unwrap()
            .trim(),
    );
    assert!(cluster.starts_with("/var/lib/daybook"));
    assert!(!dir.join("postgres").exists());
    let server = start(&dir).await;
    assert_eq!(ask(&server, "select word from kept").await, "elsewhere");
    server.stop().await.unwrap();

    // Whoever deletes the folder starts afresh; the old cluster is kept aside, once.
    fs::remove_dir_all(&dir).unwrap();
    let server = start(&dir).await;
    assert_eq!(
        ask(
            &server,
            "select coalesce(to_regclass('kept')::text, 'afresh')"
        )
        .await,
        "afresh"
    );
    server.stop().await.unwrap();
    let aside = cluster.with_extension("orphaned");
    assert!(aside.is_dir());
    fs::remove_dir_all(aside).unwrap();
    fs::remove_dir_all(cluster).unwrap();
}

/// A file system, unmounted at the end.
struct Mount(PathBuf);

impl Mount {
    /// The same files once more in the same place, and read-only there. A file system cannot become read-only while
    /// anybody has a file of it open for writing, as whatever another test forks has until it becomes its program.
    fn read_only(&self) -> Self {
        let status = Command::new("mount")
            .args(["--bind", "-o", "ro"])
            .args([&self.0, &self.0])
            .status();
        assert!(status.unwrap().success());
        Self(self.0.clone())
    }

    /// `None` where even root may not mount, as in most containers.
    fn tmpfs(at: &Path, options: &str) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "daybook-it"])
            .arg(at)
            .stderr(Stdio::null());
        mount
            .status()
            .unwrap()
            .success()
            .then(|| Self(at.to_owned()))
    }

    fn remount(&self, options: &str) {
        let status = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(&self.0)
            .status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let status = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(status.unwrap().success());
    }
}
