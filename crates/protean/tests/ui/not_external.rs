use protean::{Handled, Payload, subscriber};

struct Clerk;

#[subscriber(stream = "bank::account")]
impl Clerk {
    #[on]
    async fn opened(&self, _payload: Payload) -> Handled {
        Ok(())
    }
}

fn main() {}
