//! What happens to documents in the histories.

use event_schemas::{
    Language, StreamId, TenantId,
    document::{DocumentAdded, DocumentEvent, DocumentRetired, DocumentRevised},
};
use event_store::{Append, Clock as _, SystemClock};
use uuid::Uuid;

use super::{Dice, append, at};

/// A document that was begun: its tenant, its id and its revision; 0 before it is added.
pub type Begun = (TenantId, Uuid, u32);

/// The next event of one of the documents, or of a new one of the tenant.
pub fn next(dice: &mut Dice, documents: &mut Vec<Begun>, tenant: TenantId, n: i64) -> Append {
    if documents.is_empty() || dice.roll(4) == 0 {
        documents.push((tenant, SystemClock.uuid_v7(), 0));
    }
    let which = usize::try_from(dice.roll(documents.len() as u64)).unwrap();
    let (tenant, id, revision) = &mut documents[which];
    let event = step(dice, revision);
    append(*tenant, StreamId::new("document", *id), at(n), &event)
}

fn some<T>(dice: &mut Dice, value: impl FnOnce(&mut Dice) -> T) -> Option<T> {
    (dice.roll(3) > 0).then(|| value(dice))
}

fn body(dice: &mut Dice) -> String {
    match dice.roll(4) {
        0 => "Devoluções em sete dias, \"quoted\" \\ and so on.".to_owned(),
        1 => "x".repeat(3_000),
        // What no command lets in, of a program that writes events itself.
        2 => "a \u{1}marked\u{2} c".to_owned(),
        _ => format!("number {} of many words", dice.roll(900)),
    }
}

fn language(dice: &mut Dice) -> Language {
    let code = ["pt", "en", "de"][usize::try_from(dice.roll(3)).unwrap()];
    Language::try_new(code).unwrap()
}

fn tags(dice: &mut Dice) -> Vec<String> {
    (0..dice.roll(3))
        .map(|n| format!("t{n}, \"{{}}\\"))
        .collect()
}

/// What is begun, or what comes later: in any order, for what is retired stays so.
fn step(dice: &mut Dice, revision: &mut u32) -> DocumentEvent {
    *revision += 1;
    if *revision == 1 {
        return DocumentAdded {
            title: format!("d{}", dice.roll(9)),
            body: body(dice),
            language: language(dice),
            kind: some(dice, |dice| format!("k{}", dice.roll(3))),
            tags: tags(dice),
            source: some(dice, |_| "s".into()),
        }
        .into();
    }
    if dice.roll(4) == 0 {
        *revision -= 1;
        return DocumentRetired {
            reason: some(dice, |dice| format!("r{}", dice.roll(3))),
            waived: vec!["a,\"b\\".to_owned()],
        }
        .into();
    }
    DocumentRevised {
        revision: *revision,
        title: some(dice, |dice| format!("d{}", dice.roll(9))),
        body: (dice.roll(2) > 0).then(|| body(dice)),
        language: some(dice, language),
        kind: some(dice, |dice| {
            "k".repeat(usize::try_from(dice.roll(2)).unwrap())
        }),
        tags: some(dice, tags),
        source: some(dice, |_| String::new()),
        note: some(dice, |dice| format!("n{}", dice.roll(3))),
        waived: vec![],
    }
    .into()
}
