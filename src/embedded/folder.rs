//! The data folder: who uses it and what lies where in it. Must never look into the cluster's own files.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::Error;
use super::account::Account;
use super::program;

/// Where clusters go whose data folder the server's user cannot reach.
const ELSEWHERE: &str = "/var/lib/daybook";

/// The data folder, ours alone as long as this value lives.
#[derive(Debug)]
pub(super) struct Folder {
    dir: PathBuf,
    _lock: File,
    /// Removes the folder when dropped; the watchdog does if it is not.
    throw_away: Option<TempDir>,
}

impl Folder {
    /// Makes the folder if it is missing and takes its lock, which the system releases when this process ends,
    /// however it ends.
    pub(super) fn open(dir: &Path) -> Result<Self, Error> {
        fs::create_dir_all(dir).map_err(|e| Error::file(dir, e))?;
        let dir = fs::canonicalize(dir).map_err(|e| Error::file(dir, e))?;
        let path = dir.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o644)
            .open(&path)
            .map_err(|e| Error::file(&path, e))?;
        match lock_soon(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // The pid is only told; a lock without one is held all the same.
                let read = lock.read_to_string(&mut pid);
                let pid = if read.is_err() || pid.trim().is_empty() {
                    "unknown".to_owned()
                } else {
                    pid.trim().to_owned()
                };
                return Err(Error::InUse { dir, pid });
            }
            Err(TryLockError::Error(source)) => return Err(Error::file(&path, source)),
        }
        lock.set_len(0)
            .and_then(|()| lock.rewind())
            .and_then(|()| writeln!(lock, "{}", std::process::id()))
            .map_err(|e| Error::file(&path, e))?;
        let folder = Self {
            dir,
            _lock: lock,
            throw_away: None,
        };
        folder.give_to_owner(&path)?;
        Ok(folder)
    }

    /// A new folder that goes when it is dropped.
    pub(super) fn throw_away() -> Result<Self, Error> {
        let dir = tempfile::Builder::new()
            .prefix("daybook-")
            .permissions(fs::Permissions::from_mode(0o755))
            .tempdir()
            .map_err(|e| Error::file(&std::env::temp_dir(), e))?;
        let folder = Self::open(dir.path())?;
        Ok(Self {
            throw_away: Some(dir),
            ..folder
        })
    }

    /// What has to go with the server, if anything has.
    pub(super) fn thrown_away(&self) -> Option<&Path> {
        self.throw_away.as_ref().map(TempDir::path)
    }

    /// The server's log, moved aside once it has grown past 16 MiB.
    pub(super) fn open_log(&self) -> Result<(PathBuf, File), Error> {
        let path = self.dir.join("postgres.log");
        if fs::metadata(&path).is_ok_and(|found| found.len() > 16 << 20) {
            let old = self.dir.join("postgres.log.old");
            fs::rename(&path, &old).map_err(|e| Error::file(&old, e))?;
        }
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(|e| Error::file(&path, e))?;
        self.give_to_owner(&path)?;
        Ok((path, file))
    }

    /// The cluster's folder, which need not exist yet: beside us, or where an earlier start had to put it.
    pub(super) fn cluster(&self) -> Result<PathBuf, Error> {
        let pointer = self.pointer();
        match fs::read_to_string(&pointer) {
            Ok(text) => Ok(PathBuf::from(text.trim())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(self.dir.join("postgres")),
            Err(e) => Err(Error::file(&pointer, e)),
        }
    }

    /// The cluster's folder, made if it is missing, owned by the account and reachable for it.
    pub(super) async fn prepare_cluster(&self, account: &Account) -> Result<PathBuf, Error> {
        let path = self.cluster()?;
        let fresh = !path.exists();
        make_private(&path, account)?;
        if reaches(account, &path).await? {
            return Ok(path);
        }
        if !fresh || path != self.dir.join("postgres") {
            return Err(Error::Unreachable {
                path,
                user: account.name.clone(),
            });
        }
        fs::remove_dir(&path).map_err(|e| Error::file(&path, e))?;
        let hash = hex::encode(Sha256::digest(self.dir.as_os_str().as_encoded_bytes()));
        let elsewhere = Path::new(ELSEWHERE).join(hash.get(..12).unwrap_or(&hash));
        set_aside(&elsewhere)?;
        make_private(&elsewhere, account)?;
        if !reaches(account, &elsewhere).await? {
            return Err(Error::Unreachable {
                path: elsewhere,
                user: account.name.clone(),
            });
        }
        let pointer = self.pointer();
        fs::write(&pointer, format!("{}\n", elsewhere.display()))
            .map_err(|e| Error::file(&pointer, e))?;
        self.give_to_owner(&pointer)?;
        Ok(elsewhere)
    }

    fn pointer(&self) -> PathBuf {
        self.dir.join("postgres.path")
    }

    /// Root's files in somebody's folder would lock that somebody out the next time.
    fn give_to_owner(&self, path: &Path) -> Result<(), Error> {
        let of = |path: &Path| fs::metadata(path).map_err(|e| Error::file(path, e));
        let (owner, file) = (of(&self.dir)?, of(path)?);
        if file.uid() != owner.uid() && nix::unistd::Uid::effective().is_root() {
            chown(path, Some(owner.uid()), Some(owner.gid())).map_err(|e| Error::file(path, e))?;
        }
        Ok(())
    }
}

/// Makes the folder, for the account alone.
fn make_private(path: &Path, account: &Account) -> Result<(), Error> {
    if path.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(path).map_err(|e| Error::file(path, e))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o700))
        .map_err(|e| Error::file(path, e))?;
    give(path, account)
}

/// Makes a file or folder the account's, if that is not our own.
pub(super) fn give(path: &Path, account: &Account) -> Result<(), Error> {
    if account.lent {
        chown(path, Some(account.uid), Some(account.gid)).map_err(|e| Error::file(path, e))?;
    }
    Ok(())
}

/// A file only the account can read, there as a whole or not at all.
pub(super) fn write_private(path: &Path, text: &str, account: &Account) -> Result<(), Error> {
    let new = path.with_extension("new");
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .map_err(|e| Error::file(&new, e))?;
    give(&new, account)?;
    fs::rename(&new, path).map_err(|e| Error::file(path, e))
}

/// Whether the account can enter the folder. Asked of the system itself, which also knows of access lists.
async fn reaches(account: &Account, path: &Path) -> Result<bool, Error> {
    if !account.lent {
        return Ok(true);
    }
    let shell = Path::new("/bin/sh");
    let mut command = program::command_as(shell, account);
    command.args(["-c", "cd -- \"$1\"", "sh"]).arg(path);
    Ok(program::run(&mut command, shell).await?.success)
}

/// A cluster to which no data folder points belonged to one that was deleted. Its owner wanted to start afresh, or
/// merely forgot to mount it: the latest such cluster is kept.
fn set_aside(path: &Path) -> Result<(), Error> {
    if !path.exists() {
        return Ok(());
    }
    let aside = path.with_extension("orphaned");
    if aside.exists() {
        fs::remove_dir_all(&aside).map_err(|e| Error::file(&aside, e))?;
    }
    fs::rename(path, &aside).map_err(|e| Error::file(&aside, e))
}

/// Takes the lock, if need be within half a second: a process that is being started holds its parent's files until it
/// has become another program, so a lock that was just given back may look taken for a moment.
fn lock_soon(file: &fs::File) -> Result<(), TryLockError> {
    for _ in 0..25 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
            done => return done,
        }
    }
    file.try_lock()
}
