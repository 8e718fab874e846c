//! Finds out where names lead without asking more often than is useful: a
//! target that keeps refusing is dialled many times a second, and the system's
//! resolver costs a thread and the name server a question.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::fault::{Fault, plain};

/// How long an answer holds: containers come and go, and whoever waits for one
/// sees it move within this.
const HOLDS: Duration = Duration::from_millis(250);

/// How long it holds that a name is unknown; it is for those who ask together.
const UNKNOWN_HOLDS: Duration = Duration::from_millis(50);

/// How many names are looked up at once: each takes a thread while it is.
const AT_ONCE: usize = 32;

/// Whether a name means this machine, whatever name servers say (RFC 6761,
/// 6.3).
pub fn is_localhost(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// The addresses of a name, with any port.
type Answer = Result<Arc<[SocketAddr]>, Fault>;

/// The last answer about a name, and when it was given. Whoever asks meanwhile
/// waits for it.
type Name = Arc<tokio::sync::Mutex<Option<(Instant, Answer)>>>;

/// The names of a run.
#[derive(Clone)]
pub(super) struct Names {
    known: Arc<Mutex<HashMap<String, Name>>>,
    turns: Arc<Semaphore>,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            known: Arc::default(),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl Names {
    /// Where a name leads.
    ///
    /// # Errors
    /// `name-unknown`.
    pub(super) async fn look_up(&self, host: &str) -> Answer {
        if is_localhost(host) {
            let loopback = [Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()];
            return Ok(loopback.map(|ip| SocketAddr::new(ip, 0)).into());
        }
        self.held(host, || resolve(host)).await
    }

    /// The answer that still holds, or else that of `ask`.
    async fn held<F: Future<Output = Answer>>(
        &self,
        host: &str,
        ask: impl FnOnce() -> F,
    ) -> Answer {
        let name = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            match known.get(host) {
                Some(name) => name.clone(),
                None => known.entry(host.to_owned()).or_default().clone(),
            }
        };
        let mut last = name.lock().await;
        if let Some((at, answer)) = &*last {
            let holds = match answer {
                Ok(_) => HOLDS,
                Err(_) => UNKNOWN_HOLDS,
            };
            if at.elapsed() < holds {
                return answer.clone();
            }
        }
        // Never closed; without a turn it goes as well.
        let _turn = self.turns.acquire().await;
        let answer = ask().await;
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

async fn resolve(host: &str) -> Answer {
    match tokio::net::lookup_host((host, 0)).await {
        Ok(found) => Ok(found.collect()),
        Err(error) => {
            let text = plain(&error);
            let why = text.rsplit(": ").next().unwrap_or_default().to_lowercase();
            Err(Fault::retry(
                "name-unknown",
                format!("the name `{host}` does not resolve: {why}"),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join;
    use tokio::time::sleep;

    use super::*;

    fn one() -> Answer {
        Ok([SocketAddr::from(([10, 0, 0, 1], 0))].into())
    }

    fn unknown() -> Answer {
        Err(Fault::retry("name-unknown", "no"))
    }

    #[tokio::test]
    async fn this_machine_is_known_without_asking() {
        let both = ["[::1]:0", "127.0.0.1:0"].map(|text| text.parse().unwrap());
        for name in ["localhost", "LocalHost.", "db.localhost"] {
            assert_eq!(*Names::default().look_up(name).await.unwrap(), both);
        }
        assert!(!is_localhost("localhost.example"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_is_asked_about_four_times_a_second() {
        for (answer, least, most) in [(one(), 40, 41), (unknown(), 160, 210)] {
            let names = Names::default();
            let asked = Cell::new(0);
            for _ in 0..1000 {
                let ask = || async {
                    asked.set(asked.get() + 1);
                    answer.clone()
                };
                assert_eq!(names.held("db", ask).await, answer);
                sleep(Duration::from_millis(10)).await;
            }
            assert!((least..=most).contains(&asked.get()), "{}", asked.get());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_ask_together_ask_once() {
        let names = Names::default();
        let asked = Cell::new(0);
        let ask = || async {
            asked.set(asked.get() + 1);
            sleep(Duration::from_secs(1)).await;
            one()
        };
        let (first, second) = join(names.held("db", ask), names.held("db", ask)).await;
        assert_eq!((first, second), (one(), one()));
        assert_eq!(asked.get(), 1);
        names.held("cache", ask).await.unwrap();
        assert_eq!(asked.get(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_asking_keeps_nobody_else_from_it() {
        let names = Names::default();
        let never = || std::future::pending();
        let given_up = tokio::time::timeout(Duration::from_secs(1), names.held("db", never)).await;
        assert!(given_up.is_err());
        assert_eq!(names.held("db", || async { one() }).await, one());
    }
}
