//! Under which account the server runs. PostgreSQL refuses to run as root, so root lends it another one; everybody
//! else runs it as themselves. Must never change a file's owner by itself.

use std::fs;
use std::os::unix::fs::MetadataExt;

use nix::unistd::{Gid, Uid, User};

use super::Error;
use super::folder::Folder;

/// The accounts that root lends the server, best first.
const LENT: [&str; 2] = ["postgres", "nobody"];

/// The account that the server and its tools run under.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// Whether it is not the account we run under ourselves.
    pub(super) lent: bool,
}

impl Account {
    /// Ourselves, unless we are root: then the owner of a cluster that is there already, or the first of [`LENT`].
    pub(super) fn choose(folder: &Folder) -> Result<Self, Error> {
        let me = Uid::effective();
        if !me.is_root() {
            let name = User::from_uid(me).ok().flatten().map(|user| user.name);
            return Ok(Self {
                name: name.ok_or(Error::Nameless { uid: me.as_raw() })?,
                uid: me.as_raw(),
                gid: Gid::effective().as_raw(),
                lent: false,
            });
        }
        if let Ok(found) = fs::metadata(folder.cluster()?.join("data"))
            && found.uid() != 0
        {
            return Ok(Self {
                name: name_of(Uid::from_raw(found.uid())),
                uid: found.uid(),
                gid: found.gid(),
                lent: true,
            });
        }
        LENT.iter()
            .find_map(|name| User::from_name(name).ok().flatten())
            .map(|user| Self {
                name: user.name,
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
                lent: true,
            })
            .ok_or(Error::NoAccount)
    }
}

/// The account's name, or its number when it has none.
fn name_of(uid: Uid) -> String {
    User::from_uid(uid)
        .ok()
        .flatten()
        .map_or_else(|| uid.to_string(), |user| user.name)
}
