//! A checkout: the cart becomes an order, in one transaction of its own database.
//!
//! `checkout postgresql://… CART` empties the cart and prints the id of the command.

use serde_json::json;
use sqlx::{Connection, PgConnection, PgTransaction};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [uri, cart] = &arguments[..] else {
        return Err("expected two arguments: the URI of the database and the cart".into());
    };
    let mut connection = PgConnection::connect(uri).await?;
    let mut transaction = connection.begin().await?;
    let command = check_out(&mut transaction, cart).await?;
    transaction.commit().await?;
    println!("{command}");
    Ok(())
}

/// Takes the cart out of its table and enqueues its order: both are committed, or neither is.
async fn check_out(transaction: &mut PgTransaction<'_>, cart: &str) -> Result<String> {
    let (sku, quantity, price): (String, i64, String) =
        sqlx::query_as("DELETE FROM carts WHERE id = $1 RETURNING sku, quantity, price::text")
            .bind(cart)
            .fetch_optional(&mut **transaction)
            .await?
            .ok_or_else(|| format!("there is no cart '{cart}'"))?;
    let order = json!({"order_id": cart, "sku": sku, "quantity": quantity, "price": price});
    let command = sqlx::query_scalar(
        "INSERT INTO protean_intake (type, data, key) VALUES ('PlaceOrder', $1, $2) RETURNING id",
    )
    .bind(order.to_string())
    .bind(cart)
    .fetch_one(&mut **transaction)
    .await?;
    Ok(command)
}
