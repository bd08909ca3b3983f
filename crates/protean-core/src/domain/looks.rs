//! Looking at the database until something has come.

use std::time::Duration;

/// The pause after the first look.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// The longest pause.
const MAX_PAUSE: Duration = Duration::from_millis(250);

/// The pauses between looks: each is twice as long as the one before. What comes soon is seen soon,
/// and a long wait costs little.
pub(super) struct Looks {
    pause: Duration,
}

impl Looks {
    pub(super) fn new() -> Self {
        Self { pause: FIRST_PAUSE }
    }

    /// Waits until it is time to look again.
    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(MAX_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::Looks;

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_a_quarter_of_a_second() {
        let mut looks = Looks::new();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let before = Instant::now();
            looks.pause().await;
            pauses.push(before.elapsed().as_millis());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 250, 250]);
    }
}
