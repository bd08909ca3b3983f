use protean::prelude::*;
use protean::{
    Cursor, Page, aggregate, aggregate_impl, event, projection, projector, query, value_object,
};
use protean_testing::TestDomain;

#[value_object]
struct Publisher {
    city: String,
}

#[aggregate(index(author, title desc), index(publisher.city), unique(shelf, slot))]
struct Book {
    root: Root<Book>,
    #[field(unique)]
    isbn: String,
    #[field(index)]
    price: Decimal,
    title: String,
    author: String,
    tags: Vec<String>,
    stock: u32,
    publisher: Publisher,
    shelf: u32,
    slot: u32,
}

#[aggregate_impl]
impl Book {}

type Books = Page<Book>;

#[query(returns = Books)]
struct BrowseBooks {
    after: Option<Cursor>,
}

async fn browse(shop: &Domain, query: BrowseBooks) -> Result<Books> {
    let books = shop.repository::<Book>().await?.query();
    let page = books.order_by(Book::PRICE.descending()).after(query.after).page(20).await?;
    Ok(page)
}

#[event(part_of = Customer)]
#[derive(PartialEq)]
struct CustomerRenamed {
    customer_id: Id,
    name: String,
}

#[aggregate]
struct Customer {
    root: Root<Customer>,
}

#[aggregate_impl]
impl Customer {}

#[value_object]
enum State {
    Open,
    Cancelled,
}

#[projection]
#[derive(Debug, PartialEq)]
struct OrderRow {
    #[field(identifier)]
    order_id: Id,
    customer_id: Id,
    customer_name: String,
    state: State,
}

struct OrderRows;

#[projector(projection = OrderRow)]
impl OrderRows {
    #[on]
    async fn renamed(&self, event: CustomerRenamed, ctx: &Context) -> Handled {
        let rows = ctx.repository::<OrderRow>();
        rows.update_where(OrderRow::CUSTOMER_ID.equals(event.customer_id), |row| {
            row.customer_name = event.name.clone();
            Ok(())
        })
        .await?;
        rows.remove_where(OrderRow::STATE.equals(State::Cancelled)).await?;
        Ok(())
    }
}

async fn add_books(shop: &Domain) -> Result {
    shop.unit_of_work(async |ctx| {
        for (slot, title) in (1..).zip(["The Trial", "Emma", "Persuasion"]) {
            let book = Book {
                root: Root::new(),
                isbn: slot.to_string(),
                price: slot.into(),
                title: title.into(),
                author: if slot == 1 { "Kafka" } else { "Austen" }.into(),
                tags: vec!["classic".into()],
                stock: 1,
                publisher: Publisher { city: "London".into() },
                shelf: 1,
                slot,
            };
            ctx.repository::<Book>().add(book).await?;
        }
        Ok(())
    })
    .await
}

#[tokio::test]
async fn rows_are_selected_and_paged() -> Result<(), Box<dyn std::error::Error>> {
    let shop = protean::domain("shop").aggregate::<Book>().in_memory().build()?;
    add_books(&shop).await?;
    let found = shop.unit_of_work(async |ctx| {
        let books = ctx.repository::<Book>().query();
        let found = books
            .filter(Book::STOCK.above(0))
            .filter(Book::AUTHOR.equals("Austen").or(Book::TAGS.has("classic")))
            .filter(!Book::TITLE.ignoring_case().starts_with("the "))
            .order_by(Book::PRICE.descending())
            .limit(20)
            .all()
            .await?;
        Ok(found)
    });
    let titles: Vec<_> = found.await?.into_iter().map(|book| book.title).collect();
    assert_eq!(titles, ["Persuasion", "Emma"]);
    let page = browse(&shop, BrowseBooks { after: None }).await?;
    assert_eq!((page.rows.len(), page.next), (3, None));
    let books = shop.repository::<Book>().await?.query();
    println!("{}", books.order_by(Book::PRICE.descending()).limit(20).explain().await?);
    Ok(())
}

#[test]
fn rows_that_match_are_changed_and_removed() {
    let shop = protean::domain("shop").aggregate::<Customer>().register(OrderRows);
    let shop = TestDomain::new(shop);
    let row = |id: &str, name: &str, state| OrderRow {
        order_id: id.into(),
        customer_id: "7".into(),
        customer_name: name.into(),
        state,
    };
    let added = shop.domain().unit_of_work(async |ctx| {
        let rows = ctx.repository::<OrderRow>();
        rows.add(row("1", "Ada", State::Open)).await?;
        rows.add(row("2", "Ada", State::Cancelled)).await
    });
    shop.run(added).unwrap();
    let renamed = CustomerRenamed { customer_id: "7".into(), name: "Ada Lovelace".into() };
    shop.when_event::<CustomerRenamed>("7", renamed)
        .then_row(row("1", "Ada Lovelace", State::Open))
        .then_no_row::<OrderRow>("2");
}
