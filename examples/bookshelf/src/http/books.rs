//! `/books` and `/authors/{author}/books`: the catalog.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Json, Path, Query, State};
use protean::{Cursor, Domain, Violations};
use serde::{Deserialize, Serialize};

use super::Problem;
use crate::catalog::{BookCatalog, BooksByAuthor, FindBooks};

/// How many books are shown when the request sets no limit.
const DEFAULT_LIMIT: u32 = 20;

/// What to look for. Empty texts are ignored.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Search {
    author: Option<String>,
    title: Option<String>,
    limit: Option<String>,
}

/// Books that were found.
#[derive(Serialize)]
pub(super) struct Found {
    books: Vec<BookCatalog>,
}

/// Which page of an author's books to show.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    after: Option<Cursor>,
    limit: Option<String>,
}

/// Books of an author, and the value of `after` for the next page.
#[derive(Serialize)]
pub(super) struct AuthorsBooks {
    books: Vec<BookCatalog>,
    next: Option<Cursor>,
}

/// How many books to show.
fn number(limit: Option<String>) -> Result<u32, Violations> {
    limit.filter(|limit| !limit.is_empty()).map_or(Ok(DEFAULT_LIMIT), |limit| {
        let message = || format!("must be a whole number from 1 to 100, is '{limit}'");
        limit.parse().map_err(|_| Violations::of("limit", message()))
    })
}

impl TryFrom<Search> for FindBooks {
    type Error = Violations;

    fn try_from(Search { author, title, limit }: Search) -> Result<Self, Violations> {
        let limit = number(limit)?;
        let given = |text: &String| !text.trim().is_empty();
        Ok(Self { author: author.filter(given), title: title.filter(given), limit })
    }
}

/// `GET /books?author=&title=&limit=`
pub(super) async fn search(
    State(domain): State<Domain>,
    search: Result<Query<Search>, QueryRejection>,
) -> Result<Json<Found>, Problem> {
    let Query(search) = search?;
    let books = domain.dispatch(FindBooks::try_from(search)?).await?;
    Ok(Json(Found { books }))
}

/// `GET /authors/{author}/books?after=&limit=`
pub(super) async fn of_author(
    State(domain): State<Domain>,
    Path(author): Path<String>,
    place: Result<Query<Place>, QueryRejection>,
) -> Result<Json<AuthorsBooks>, Problem> {
    let Query(Place { after, limit }) = place?;
    let query = BooksByAuthor { author, after, limit: number(limit)? };
    let page = domain.dispatch(query).await?;
    Ok(Json(AuthorsBooks { books: page.rows, next: page.next }))
}
