//! A query that says where its page begins.

use protean::prelude::{Context, Handled, Id};
use protean::{Cursor, Page, projection, query, query_handler};

#[projection]
struct Book {
    #[field(identifier)]
    isbn: Id,
    title: String,
}

#[query(returns = Page<Book>)]
struct BrowseBooks {
    after: Option<Cursor>,
}

struct Shelf;

#[query_handler(projection = Book)]
impl Shelf {
    #[handle]
    async fn browse(&self, query: BrowseBooks, ctx: &Context) -> Handled<Page<Book>> {
        let books = ctx.repository::<Book>().query().order_by(Book::TITLE.ascending());
        Ok(books.after(query.after).page(2).await?)
    }
}

#[tokio::test]
async fn a_query_holds_the_cursor_of_its_page() {
    let config = "[databases.default]\nprovider = \"memory\"\n";
    let library = protean::domain("library").config(config).register(Shelf).build().unwrap();
    let added = library.unit_of_work(async |ctx: &Context| {
        for title in ["Emma", "Persuasion", "Lady Susan", "Sanditon", "The Watsons"] {
            let book = Book { isbn: title.into(), title: title.to_owned() };
            ctx.repository::<Book>().add(book).await?;
        }
        Ok(())
    });
    added.await.unwrap();
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let page = library.dispatch(BrowseBooks { after }).await.unwrap();
        pages.push(page.rows.into_iter().map(|book| book.title).collect::<Vec<_>>());
        // A client keeps it as text.
        after = page.next.map(|next| Cursor::from(next.to_string()));
        if after.is_none() {
            break;
        }
    }
    let expected: [&[&str]; 3] =
        [&["Emma", "Lady Susan"], &["Persuasion", "Sanditon"], &["The Watsons"]];
    assert_eq!(pages, expected);
    let refused = library.dispatch(BrowseBooks { after: Some("mine".into()) }).await.unwrap_err();
    assert!(refused.to_string().contains("is not a cursor"), "{refused}");
}
