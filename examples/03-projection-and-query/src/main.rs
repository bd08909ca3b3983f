//! A shop whose sales add up to a table of best sellers.
//!
//! You learn how a projector turns events of many aggregates into rows made for reading, and how a
//! query pages through them. A row is never changed but by events, so it can be thrown away and filled
//! anew from the log. Read `04-asynchronous` next, where the rows follow a moment later.
#![expect(clippy::print_stdout, reason = "the program shows what it does")]

use std::error::Error;

use protean::prelude::{Context, Decimal, Domain, Id, Result, Root};
use protean::{
    Cursor, DomainBuilder, Page, aggregate, aggregate_impl, command, command_handler, event,
    projection, projector, query, query_handler,
};

/// Something was sold.
#[event(part_of = Sale)]
struct ItemSold {
    product: String,
    quantity: u32,
    price: Decimal,
}

/// Sells some pieces of a product, each at this price.
#[command(part_of = Sale)]
struct SellItem {
    #[field(max_length = 50, blank = false)]
    product: String,
    #[field(min_value = 1)]
    quantity: u32,
    #[field(min_value = 0)]
    price: Decimal,
}

/// One sale. The shop never changes it, so it has no rules but those of its fields.
#[aggregate(commands(SellItem))]
struct Sale {
    root: Root<Sale>,
    product: String,
    quantity: u32,
    price: Decimal,
}

#[aggregate_impl]
impl Sale {}

/// Handles the commands of sales.
struct SaleCommandHandler;

#[command_handler(part_of = Sale)]
impl SaleCommandHandler {
    #[handle]
    async fn sell(&self, command: SellItem, ctx: &Context) -> Result {
        let SellItem { product, quantity, price } = command;
        let mut sale = Sale { root: Root::new(), product: product.clone(), quantity, price };
        sale.raise(ItemSold { product, quantity, price })?;
        ctx.repository::<Sale>().add(sale).await
    }
}

/// What one product has brought in: a row that answers its question without adding anything up.
#[projection(index(revenue desc, product))]
#[derive(Debug)]
struct ProductSales {
    #[field(identifier)]
    product: Id,
    #[field(default = 0)]
    pieces: u32,
    #[field(default = 0)]
    revenue: Decimal,
}

/// Keeps the rows up to date.
struct ProductSalesProjector;

#[projector(projection = ProductSales)]
impl ProductSalesProjector {
    #[on]
    async fn sold(&self, event: ItemSold, ctx: &Context) -> Result {
        let rows = ctx.repository::<ProductSales>();
        let product = Id::from(event.product);
        let found = rows.find(&product).await?;
        let mut row =
            found.unwrap_or_else(|| ProductSales { product, ..ProductSales::with_defaults() });
        row.pieces += event.quantity;
        row.revenue += event.price * Decimal::from(event.quantity);
        rows.add(row).await
    }
}

/// The products that bring in most, a page at a time.
#[query(returns = Page<ProductSales>)]
struct BestSellers {
    /// `next` of the page before; the first page has none.
    after: Option<Cursor>,
    #[field(min_value = 1, max_value = 100)]
    limit: u32,
}

/// Answers questions about sales.
struct SalesQueries;

#[query_handler(projection = ProductSales)]
impl SalesQueries {
    #[handle]
    async fn best(&self, query: BestSellers, ctx: &Context) -> Result<Page<ProductSales>> {
        ctx.repository::<ProductSales>()
            .query()
            .order_by(ProductSales::REVENUE.descending())
            .order_by(ProductSales::PRODUCT.ascending())
            .after(query.after)
            .page(query.limit as usize)
            .await
    }
}

fn shop() -> DomainBuilder {
    protean::domain("shop")
        .aggregate::<Sale>()
        .register(SaleCommandHandler)
        .register(ProductSalesProjector)
        .register(SalesQueries)
        .in_memory()
}

async fn sell(shop: &Domain, product: &str, quantity: u32, price: i64) -> Result {
    let (product, price) = (product.to_owned(), Decimal::from(price));
    shop.process(SellItem { product, quantity, price }).synchronous().await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shop = shop().build()?;
    sell(&shop, "tea", 3, 6).await?;
    sell(&shop, "pot", 1, 25).await?;
    sell(&shop, "tea", 2, 6).await?;
    for row in shop.dispatch(BestSellers { after: None, limit: 10 }).await?.rows {
        println!("{:>5} {} of {}", row.revenue, row.pieces, row.product);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{BestSellers, sell, shop};

    #[tokio::test]
    async fn the_sales_of_a_product_add_up_in_one_row() {
        let shop = shop().build().unwrap();
        sell(&shop, "tea", 3, 6).await.unwrap();
        sell(&shop, "tea", 2, 5).await.unwrap();
        sell(&shop, "tea", 0, 6).await.unwrap_err();
        let page = shop.dispatch(BestSellers { after: None, limit: 10 }).await.unwrap();
        assert_eq!(page.rows.len(), 1);
        assert_eq!((page.rows[0].pieces, page.rows[0].revenue), (5, 28.into()));
    }

    #[tokio::test]
    async fn pages_neither_skip_nor_repeat_while_rows_come_in() {
        let shop = shop().build().unwrap();
        for (product, price) in [("cup", 4), ("pot", 25), ("tea", 6), ("mug", 6), ("tin", 2)] {
            sell(&shop, product, 1, price).await.unwrap();
        }
        let first = shop.dispatch(BestSellers { after: None, limit: 2 }).await.unwrap();
        sell(&shop, "kettle", 1, 60).await.unwrap();
        let second = shop.dispatch(BestSellers { after: first.next, limit: 2 }).await.unwrap();
        let third = shop.dispatch(BestSellers { after: second.next, limit: 2 }).await.unwrap();
        assert!(third.next.is_none(), "it is the last page");
        let rows = first.rows.iter().chain(&second.rows).chain(&third.rows);
        let products: Vec<&str> = rows.map(|row| row.product.as_str()).collect();
        assert_eq!(products, ["pot", "mug", "tea", "cup", "tin"]);
    }
}
