//! What can go wrong with the embedded server, each in words that say what to do next. Decides nothing.

use std::io;
use std::path::{Path, PathBuf};

/// Why the embedded server did not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process holds the folder.
    #[error("{} is in use by another daybook (pid {pid}); stop that one, or choose another --data-dir", dir.display())]
    InUse {
        /// The data folder.
        dir: PathBuf,
        /// Who holds it: a process id, or `unknown`.
        pid: String,
    },
    /// The folder, or the file system it is on, cannot be written to.
    #[error("{} cannot be written to ({source}); choose another --data-dir, or make it writable for you", path.display())]
    ReadOnly {
        /// What could not be written.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// No space, or no quota, is left.
    #[error("the disk that holds {} is full; free some space and start again, nothing that was acknowledged is lost", path.display())]
    DiskFull {
        /// What could not be written.
        path: PathBuf,
    },
    /// Any other trouble with a file or folder.
    #[error("cannot use {} ({source}); check that it is a folder of yours, or choose another --data-dir", path.display())]
    Folder {
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The server's user cannot get at the folder.
    #[error("PostgreSQL does not run as root and its user {user} cannot enter {}; open the folders above it to that user (chmod o+x), or choose another --data-dir", path.display())]
    Unreachable {
        /// The folder.
        path: PathBuf,
        /// The account the server runs under.
        user: String,
    },
    /// Root runs Daybook and there is no account for the server.
    #[error(
        "PostgreSQL does not run as root, and this machine has neither a user `postgres` nor `nobody` to run it as; run daybook as an ordinary user"
    )]
    NoAccount,
    /// The server's programs refuse to work for an account that the machine does not know.
    #[error(
        "PostgreSQL needs a user with a name and this machine has none for the number {uid}; add one (useradd --uid {uid} daybook), or run daybook as a user it knows"
    )]
    Nameless {
        /// Our own user's number.
        uid: u32,
    },
    /// The server's programs are not installed.
    #[error(
        "no PostgreSQL programs in {looked}; run `make setup`, or set DAYBOOK_POSTGRES_HOME to the folder whose bin/ holds them"
    )]
    NoPrograms {
        /// The folders that were searched.
        looked: String,
    },
    /// The programs are there, but the server's user cannot run them.
    #[error("the user {user} cannot run the PostgreSQL programs in {}; move them to a folder that everyone can read and set DAYBOOK_POSTGRES_HOME to it", home.display())]
    ProgramsUnreachable {
        /// Where the programs are.
        home: PathBuf,
        /// The account the server runs under.
        user: String,
    },
    /// A program could not be started at all.
    #[error("cannot run {} ({source}); run `make setup` again", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// Something else listens on the port that was asked for.
    #[error(
        "port {port} on 127.0.0.1 is in use; stop what listens there, or let daybook choose a free one with port 0"
    )]
    PortInUse {
        /// The port.
        port: u16,
    },
    /// The system does not let us have the port.
    #[error(
        "cannot listen on port {port} of 127.0.0.1 ({source}); choose one above 1023, or 0 for a free one"
    )]
    Port {
        /// The port.
        port: u16,
        /// The system's words.
        source: io::Error,
    },
    /// The data was written by another major version.
    #[error("the data in {} was written by PostgreSQL {found} but the programs are {programs}; dump it with the old programs and load it into a new folder, or move it away to start afresh", data.display())]
    OtherVersion {
        /// The cluster's data.
        data: PathBuf,
        /// The major version that wrote it.
        found: String,
        /// The major version of the programs.
        programs: String,
    },
    /// Something that is no cluster is in the cluster's place.
    #[error("{} is not a PostgreSQL cluster; move it away and start again", data.display())]
    NotACluster {
        /// The cluster's data.
        data: PathBuf,
    },
    /// The cluster is there, its password is not.
    #[error("{} is missing, without which nobody gets into the data beside it; restore it, or move the folder away to start afresh", path.display())]
    NoPassword {
        /// The password's file.
        path: PathBuf,
    },
    /// The server of a crashed daybook neither answers nor ends.
    #[error("the PostgreSQL that an earlier daybook left behind on {} (pid {pid}) does not stop; end it with `kill -QUIT {pid}` and start again", data.display())]
    Leftover {
        /// The cluster's data.
        data: PathBuf,
        /// Its process id.
        pid: i32,
    },
    /// The cluster could not be made.
    #[error("could not make a PostgreSQL cluster in {}; initdb said: {said}", data.display())]
    Initdb {
        /// The cluster's data.
        data: PathBuf,
        /// The end of its output.
        said: String,
    },
    /// The server ended while starting.
    #[error("PostgreSQL ended while starting ({status}); {} ends with:\n{tail}", log.display())]
    DidNotStart {
        /// How it ended.
        status: String,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The server neither answers nor ends.
    #[error("PostgreSQL did not answer within {seconds} s and was stopped; {} ends with:\n{tail}", log.display())]
    NotReady {
        /// How long it was waited for.
        seconds: u64,
        /// Its log.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The server answers, but the database could not be made.
    #[error("could not prepare the database; psql said: {said}")]
    Database {
        /// The end of its output.
        said: String,
    },
    /// A shutdown took too long.
    #[error(
        "PostgreSQL (pid {pid}) did not shut down within {seconds} s and was ended hard; it recovers at the next start, nothing that was acknowledged is lost"
    )]
    StopTimeout {
        /// The server's process id.
        pid: u32,
        /// How long it was waited for.
        seconds: u64,
    },
}

impl Error {
    /// The error that a failed file operation means.
    pub(super) fn file(path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                Self::ReadOnly { path, source }
            }
            _ => Self::Folder { path, source },
        }
    }
}

/// Whether a program's output says that the disk is full.
pub(super) fn tells_of_full_disk(output: &str) -> bool {
    output.contains("No space left on device") || output.contains("Disk quota exceeded")
}
