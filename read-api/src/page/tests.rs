//! What a page asks for and shows.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use async_graphql::{
    EmptyMutation, EmptySubscription, Object, Schema, SimpleObject, connection::EmptyFields,
};
use event_schemas::TenantId;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{Cursors, Direction, Ordering, Page, Paging, Place, rows};
use crate::serial::Serial;

const NEWEST: Ordering = Ordering {
    name: "things",
    key: "t.at",
    is_time: true,
    id: "t.id",
    direction: Direction::Desc,
};
const PLACE: Place = Place {
    key: 5,
    id: Uuid::from_u128(7),
};

fn cursors() -> Cursors {
    Cursors::new([1; 32], TenantId(Uuid::nil()))
}

fn paging(
    first: Option<i32>,
    after: Option<&str>,
    last: Option<i32>,
    before: Option<&str>,
) -> Paging {
    Paging {
        first,
        after: after.map(str::to_owned),
        last,
        before: before.map(str::to_owned),
    }
}

fn sql(paging: &Paging, ordering: Ordering) -> String {
    let mut query = QueryBuilder::<Postgres>::new("where true");
    Page::new(paging, ordering, &cursors())
        .ok()
        .unwrap()
        .push(&mut query);
    query.sql().as_str().to_owned()
}

#[test]
fn a_page_is_a_range_of_the_index() {
    let cursor = cursors().sign("things Desc", PLACE).unwrap();
    let cursor = Some(cursor.as_str());
    assert_eq!(
        sql(&paging(None, None, None, None), NEWEST),
        "where true order by t.at desc, t.id desc limit 21"
    );
    assert_eq!(
        sql(&paging(Some(5), cursor, None, cursor), NEWEST),
        "where true and (t.at, t.id) < ($1, $2) and (t.at, t.id) > ($3, $4) order by t.at desc, t.id desc limit 6"
    );
    assert_eq!(
        sql(&paging(None, None, Some(5), cursor), NEWEST),
        "where true and (t.at, t.id) > ($1, $2) order by t.at asc, t.id asc limit 6"
    );
    let oldest = Ordering {
        direction: Direction::Asc,
        ..NEWEST
    };
    assert_eq!(
        sql(&paging(None, None, Some(5), None), oldest),
        "where true order by t.at desc, t.id desc limit 6"
    );
}

#[test]
fn the_size_is_bounded_and_has_one_direction() {
    let new = |paging: Paging| Page::new(&paging, NEWEST, &cursors()).is_ok();
    assert!(new(paging(Some(0), None, None, None)));
    assert!(new(paging(Some(100), None, None, None)));
    assert!(!new(paging(Some(101), None, None, None)));
    assert!(!new(paging(Some(-1), None, None, None)));
    assert!(!new(paging(None, None, Some(101), None)));
    assert!(!new(paging(Some(1), None, Some(1), None)));
    let other_way = cursors().sign("things Asc", PLACE).unwrap();
    assert!(!new(paging(None, Some(&other_way), None, None)));
    assert_eq!(
        (
            rows(None, None),
            rows(Some(7), None),
            rows(None, Some(i32::MAX)),
            rows(Some(-3), None)
        ),
        (20, 7, 100, 1)
    );
}

/// A list of 1 to 5.
struct Numbers;

#[derive(SimpleObject)]
struct Number {
    number: i64,
}

#[Object]
impl Numbers {
    #[expect(
        clippy::unused_async,
        reason = "the engine wants resolvers to be async"
    )]
    async fn numbers(
        &self,
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> async_graphql::Result<
        async_graphql::connection::Connection<String, Serial<Number>, EmptyFields>,
    > {
        let ordering = Ordering {
            is_time: false,
            direction: Direction::Asc,
            ..NEWEST
        };
        let cursors = cursors();
        let paging = Paging {
            first,
            after,
            last,
            before,
        };
        let page = Page::new(&paging, ordering, &cursors)?;
        let place = |number: i64| Place {
            key: number,
            id: Uuid::nil(),
        };
        let bound = |place: Option<Place>, open| place.map_or(open, |place: Place| place.key);
        let mut found: Vec<i64> = (1..=5)
            .filter(|n| *n > bound(page.after, 0) && *n < bound(page.before, 9))
            .collect();
        if page.backward {
            found.reverse();
        }
        found.truncate(usize::try_from(page.limit).unwrap() + 1);
        let (found, more) = page.cut(found);
        let nodes = found
            .into_iter()
            .map(|number| (place(number), Number { number }))
            .collect();
        Ok(page.connection(&cursors, nodes, more, EmptyFields)?)
    }
}

#[tokio::test]
async fn pages_follow_each_other_in_both_directions() {
    let schema = Schema::new(Numbers, EmptyMutation, EmptySubscription);
    for (size, bound, end, has_more) in [
        ("first", "after", "endCursor", "hasNextPage"),
        ("last", "before", "startCursor", "hasPreviousPage"),
    ] {
        let mut seen = Vec::new();
        let mut cursor = String::new();
        loop {
            let query = format!(
                "{{ numbers({size}: 2{cursor}) {{ nodes {{ number }} pageInfo {{ {end} {has_more} }} }} }}"
            );
            let answer = schema
                .execute(query)
                .await
                .into_result()
                .unwrap()
                .data
                .into_json()
                .unwrap();
            let page = &answer["numbers"];
            let nodes = page["nodes"].as_array().unwrap().iter();
            seen.push(
                nodes
                    .map(|node| node["number"].as_i64().unwrap())
                    .collect::<Vec<_>>(),
            );
            if page["pageInfo"][has_more] == false {
                break;
            }
            cursor = format!(", {bound}: {}", page["pageInfo"][end]);
        }
        let expected = if size == "first" {
            [vec![1, 2], vec![3, 4], vec![5]]
        } else {
            [vec![4, 5], vec![2, 3], vec![1]]
        };
        assert_eq!(seen, expected);
    }
}
