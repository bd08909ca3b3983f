//! A projector over two aggregates reads the events of both.

use protean::{
    Context, Id, Result, Root, aggregate, aggregate_impl, command, command_handler, event,
    projection, projector,
};
use protean_engine::Server;

use crate::harness::WAIT_LIMIT;

#[event(part_of = Dog)]
pub(crate) struct Barked {}

#[event(part_of = Cat)]
pub(crate) struct Meowed {}

#[command(part_of = Dog)]
pub(crate) struct Bark {}

#[command(part_of = Cat)]
pub(crate) struct Meow {}

#[aggregate(event_sourced, commands(Bark))]
pub(crate) struct Dog {
    root: Root<Dog>,
}

#[aggregate(event_sourced, commands(Meow))]
pub(crate) struct Cat {
    root: Root<Cat>,
}

#[aggregate_impl]
impl Dog {
    #[apply]
    fn on_barked(&mut self, _: &Barked) {}
}

#[aggregate_impl]
impl Cat {
    #[apply]
    fn on_meowed(&mut self, _: &Meowed) {}
}

pub(crate) struct DogCommandHandler;

#[command_handler(part_of = Dog)]
impl DogCommandHandler {
    #[handle]
    async fn bark(&self, _command: Bark, context: &Context) -> Result {
        let mut dog = Dog::create();
        dog.raise(Barked {})?;
        context.repository::<Dog>().add(dog).await
    }
}

pub(crate) struct CatCommandHandler;

#[command_handler(part_of = Cat)]
impl CatCommandHandler {
    #[handle]
    async fn meow(&self, _command: Meow, context: &Context) -> Result {
        let mut cat = Cat::create();
        cat.raise(Meowed {})?;
        context.repository::<Cat>().add(cat).await
    }
}

#[projection]
pub(crate) struct Noise {
    #[field(identifier)]
    pub(crate) place: Id,
    pub(crate) heard: u32,
}

pub(crate) struct NoiseProjector;

impl NoiseProjector {
    async fn receive(&self, context: &Context) -> Result {
        let rows = context.repository::<Noise>();
        let place = Id::from("yard");
        let mut noise = rows.find(&place).await?.unwrap_or(Noise { place, heard: 0 });
        noise.heard += 1;
        rows.add(noise).await
    }
}

#[projector(projection = Noise)]
impl NoiseProjector {
    #[on]
    async fn barked(&self, _event: Barked, context: &Context) -> Result {
        self.receive(context).await
    }

    #[on]
    async fn meowed(&self, _event: Meowed, context: &Context) -> Result {
        self.receive(context).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_projector_reads_the_events_of_two_aggregates() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("yard.db");
    let config = format!(
        "[databases.default]\nprovider = \"sqlite\"\ndatabase_uri = 'sqlite://{}'",
        file.display()
    );
    let builder = protean::domain("yard").config(&config).aggregate::<Dog>().aggregate::<Cat>();
    let builder = builder.register(DogCommandHandler).register(CatCommandHandler);
    let domain = builder.register(NoiseProjector).build().unwrap();
    for _ in 0..20 {
        domain.process(Bark {}).await.unwrap();
        domain.process(Meow {}).await.unwrap();
    }
    let heard = async || {
        let rows = domain.repository::<Noise>().await.unwrap();
        rows.find(&"yard".into()).await.unwrap().map_or(0, |noise| noise.heard)
    };
    let serving = Server::new(domain.clone()).run(async {
        while heard().await < 40 {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    });
    tokio::time::timeout(WAIT_LIMIT, serving).await.unwrap().unwrap();
    assert_eq!(heard().await, 40);
}
