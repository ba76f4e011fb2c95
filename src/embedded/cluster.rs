//! The cluster: made once, as a whole or not at all, and checked before every start. Must never repair or delete
//! data that a server has written.

use std::fs;
use std::io;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::io::AsyncWriteExt as _;

use super::account::Account;
use super::folder::{self, Folder};
use super::log::Log;
use super::program::{self, Programs};
use super::{DATABASE, Error, SUPERUSER};

/// A cluster that is fit to be started.
#[derive(Debug)]
pub(super) struct Cluster {
    dir: PathBuf,
    pub(super) programs: Programs,
    pub(super) account: Account,
    pub(super) log: Log,
    /// The folders to remove when the server has ended. A cluster with any does not wait for the disk either.
    pub(super) thrown_away: Vec<PathBuf>,
    password: String,
}

impl Cluster {
    /// Makes the cluster if there is none, and checks that these programs can run it.
    pub(super) async fn open(
        folder: &Folder,
        programs: Programs,
        account: Account,
    ) -> Result<Self, Error> {
        let dir = folder.prepare_cluster(&account).await?;
        let log = Log::new(folder.open_log()?);
        let thrown_away = folder
            .thrown_away()
            .map_or_else(Vec::new, |data| vec![data.to_owned(), dir.clone()]);
        let cluster = Self {
            password: String::new(),
            thrown_away,
            dir,
            programs,
            account,
            log,
        };
        let major = cluster.major_of_programs().await?;
        let data = cluster.data();
        let password = if exists(&data)? {
            cluster.check(&major)?;
            cluster.read_password()?
        } else {
            cluster.make().await?
        };
        Ok(Self {
            password,
            ..cluster
        })
    }

    /// The server's data.
    pub(super) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    pub(super) fn password(&self) -> &str {
        &self.password
    }

    /// The port of the last start, if it is known.
    pub(super) fn last_port(&self) -> Option<u16> {
        fs::read_to_string(self.port_file())
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// Remembers the port for the next start.
    pub(super) fn remember_port(&self, port: u16) -> Result<(), Error> {
        folder::write_private(&self.port_file(), &format!("{port}\n"), &self.account)
    }

    /// Makes the database if it is missing: the first connection, and so the proof that the server works.
    pub(super) async fn create_database(&self, port: u16) -> Result<(), Error> {
        let path = self.programs.path("psql");
        let mut command = self.programs.command("psql", &self.account);
        command.args([
            "-X",
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-h",
            "127.0.0.1",
            "-U",
            SUPERUSER,
            "-d",
            "postgres",
        ]);
        command
            .args(["-p", &port.to_string()])
            .env("PGPASSWORD", &self.password)
            .env("PGCONNECT_TIMEOUT", "30");
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        let failed = |source| Error::Program {
            program: path.clone(),
            source,
        };
        let mut psql = command.spawn().map_err(failed)?;
        if let Some(mut stdin) = psql.stdin.take() {
            let sql = format!(
                "select 'create database {DATABASE}' where not exists \
                 (select from pg_catalog.pg_database where datname = '{DATABASE}') \\gexec\n"
            );
            // A psql that could not connect has closed its end already; its own words tell more.
            drop(stdin.write_all(sql.as_bytes()).await);
        }
        let output = psql.wait_with_output().await.map_err(failed)?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        if output.status.success() {
            Ok(())
        } else if super::error::tells_of_full_disk(&said) {
            Err(Error::DiskFull { path: self.data() })
        } else {
            Err(Error::Database {
                said: program::last_lines(&said, 5),
            })
        }
    }

    /// Under a temporary name first: what is called `data` is complete.
    async fn make(&self) -> Result<String, Error> {
        let new = self.dir.join("data.new");
        if exists(&new)? {
            fs::remove_dir_all(&new).map_err(|e| Error::file(&new, e))?;
        }
        let password = random_password()?;
        folder::write_private(&self.password_file(), &password, &self.account)?;
        let mut initdb = self.programs.command("initdb", &self.account);
        initdb
            .arg("--pgdata")
            .arg(&new)
            .arg("--pwfile")
            .arg(self.password_file());
        initdb.args([
            "--username",
            SUPERUSER,
            "--auth-host=scram-sha-256",
            "--auth-local=reject",
        ]);
        initdb.args([
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]);
        initdb.args(["--data-checksums", "--no-instructions"]);
        if !self.thrown_away.is_empty() {
            initdb.arg("--no-sync");
        }
        let output = program::run(&mut initdb, &self.programs.path("initdb")).await?;
        if output.disk_full() {
            return Err(Error::DiskFull { path: self.data() });
        }
        if !output.success {
            return Err(Error::Initdb {
                data: self.data(),
                said: output.end(),
            });
        }
        let data = self.data();
        fs::rename(&new, &data).map_err(|e| Error::file(&data, e))?;
        Ok(password)
    }

    fn check(&self, programs: &str) -> Result<(), Error> {
        let data = self.data();
        let file = data.join("PG_VERSION");
        let found = match fs::read_to_string(&file) {
            Ok(text) => text.trim().to_owned(),
            Err(e)
                if matches!(
                    e.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                return Err(Error::NotACluster { data });
            }
            Err(e) => return Err(Error::file(&file, e)),
        };
        if found == programs {
            Ok(())
        } else {
            Err(Error::OtherVersion {
                data,
                found,
                programs: programs.to_owned(),
            })
        }
    }

    async fn major_of_programs(&self) -> Result<String, Error> {
        match self.programs.major(&self.account).await {
            Err(Error::Program { source, .. })
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Err(Error::ProgramsUnreachable {
                    home: self.programs.home().to_owned(),
                    user: self.account.name.clone(),
                })
            }
            other => other,
        }
    }

    fn read_password(&self) -> Result<String, Error> {
        let path = self.password_file();
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Err(Error::NoPassword { path }),
            Err(e) => Err(Error::file(&path, e)),
        }
    }

    fn password_file(&self) -> PathBuf {
        self.dir.join("password")
    }

    fn port_file(&self) -> PathBuf {
        self.dir.join("port")
    }
}

fn exists(path: &Path) -> Result<bool, Error> {
    path.try_exists().map_err(|e| Error::file(path, e))
}

/// 256 random bits in hexadecimal, fit for a URL as they are.
fn random_password() -> Result<String, Error> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0; 32];
    fs::File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|e| Error::file(source, e))?;
    Ok(hex::encode(bytes))
}
