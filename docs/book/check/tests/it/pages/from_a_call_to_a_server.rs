use bookshelf::book::{AddBook, Book};
use bookshelf::catalog::BookCatalog;
use protean::prelude::*;
use protean::{Processed, Server, subscriber};
use serde::Deserialize;

#[derive(Deserialize)]
struct PartnerOrder {
    isbn: String,
    title: String,
    author: String,
}

struct PartnerOrders;

#[subscriber(stream = "external-orders")]
impl PartnerOrders {
    #[handle]
    async fn ordered(&self, order: PartnerOrder, ctx: &Context) -> Handled {
        ctx.process(AddBook {
            book_id: Book::identity(Some(&order.isbn), "", ""),
            title: order.title,
            author: order.author,
            isbn: Some(order.isbn),
            price: 0.into(),
            description: None,
        })?;
        Ok(())
    }
}

fn emma() -> Result<AddBook, Box<dyn std::error::Error>> {
    let emma = AddBook {
        book_id: Book::identity(Some("9780141439587"), "", ""),
        title: "Emma".to_owned(),
        author: "Jane Austen".to_owned(),
        isbn: Some("9780141439587".to_owned()),
        price: "7.90".parse()?,
        description: None,
    };
    Ok(emma)
}

async fn shown(shelf: &Domain) -> Result<String, Box<dyn std::error::Error>> {
    let emma = emma()?;
    let shown = match shelf.process(emma).await? {
        // It has been handled: this is what the handler returned.
        Processed::Handled(()) => "on the shelf".to_owned(),
        // It is in the log: a server will handle it.
        Processed::Queued(message_id) => format!("queued as {message_id}"),
    };
    Ok(shown)
}

async fn is_in_the_catalog(shelf: &Domain) -> bool {
    let id = Book::identity(Some("9780141439587"), "", "");
    let catalog = shelf.repository::<BookCatalog>().await.unwrap();
    catalog.find(&id).await.unwrap().is_some()
}

#[tokio::test]
async fn a_synchronous_shelf_needs_no_server() -> Result<(), Box<dyn std::error::Error>> {
    let shelf = bookshelf::domain().in_memory().build()?;
    assert_eq!(shown(&shelf).await?, "on the shelf");
    assert!(is_in_the_catalog(&shelf).await);
    Ok(())
}

#[tokio::test]
async fn a_server_handles_what_is_queued() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("shelf.db");
    let shelf = bookshelf::domain_on(&format!("sqlite:{}", file.display())).build()?;
    assert!(shown(&shelf).await?.starts_with("queued as "));
    assert!(!is_in_the_catalog(&shelf).await);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = async {
        let server = Server::new(shelf.clone());
        let stop = async { drop(stopped.await) };
        server.run(stop).await?;
        Ok::<(), Error>(())
    };
    let waiting = async {
        while !is_in_the_catalog(&shelf).await {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        drop(stop);
    };
    let (served, ()) = tokio::join!(serving, waiting);
    served?;
    Ok(())
}

#[test]
fn an_entry_of_a_partner_becomes_a_command() {
    let shelf = bookshelf::domain();
    // The bookshelf has a subscriber of that name of its own; this one is for the page.
    drop((shelf, PartnerOrders));
}
