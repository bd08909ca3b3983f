use protean::{Context, Handled, Payload, subscriber};

struct Nowhere;

#[subscriber(streem = "orders")]
impl Nowhere {
    #[handle]
    async fn arrived(&self, _payload: Payload) -> Handled {
        Ok(())
    }
}

struct Twice;

#[subscriber(stream = "orders", ordering = "none")]
impl Twice {
    #[handle]
    async fn ordered(&self, _payload: Payload) -> Handled {
        Ok(())
    }

    #[handle]
    async fn cancelled(&self, _id: String, _ctx: &Context) -> Handled {
        Ok(())
    }
}

fn main() {}
