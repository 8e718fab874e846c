//! Knocks before a guest is woken: where the last attempt came to nothing
//! because nobody answered, and the guest saw nothing else, it would say the
//! same again. Dialling costs a tenth of asking a guest.
//!
//! This is sound because a guest is a function of what the host tells it. It
//! has no clock and no memory of its own from one attempt to the next; what it
//! is told besides the fate of its connections (parameters, endpoints, the
//! policy) is the same each time. Whatever is not ends the trail: a connection
//! that opened, a time that ran out, random bytes, any call of WASI. A knock
//! that finds something else is no lost effort: the guest gets what it found,
//! the very connection, when it dials the same address.

use std::collections::VecDeque;

use tokio::time::{Instant, timeout_at};

use super::state::Notes;
use crate::model::{Address, Job, Verdict};
use crate::net::dial::{Dialer, Dialled};
use crate::net::fault::Fault;
use crate::net::policy::NamedBy;
use crate::net::stream::Connection;

/// What is dialled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dial {
    pub(super) address: Address,
    pub(super) named_by: NamedBy,
}

/// What came of it.
pub(super) struct Found {
    dial: Dial,
    result: Result<Connection, Fault>,
    /// Whether the time ended it, so that it tells nothing of the next time.
    cut_short: bool,
}

/// Dials within the attempt's time. Where the user listed several targets, one
/// that swallows packets must leave time for the others.
pub(super) async fn dial(
    dialer: &Dialer,
    dial: Dial,
    job: &Job,
    notes: &Notes,
    deadline: Instant,
) -> Found {
    let now = Instant::now();
    let until = match u32::try_from(job.addresses.len()) {
        Ok(several @ 2..) => now + deadline.saturating_duration_since(now) / several,
        _ => deadline,
    };
    let address = &dial.address;
    let (result, cut_short) = match timeout_at(until, dialer.connect(address, dial.named_by)).await
    {
        Ok(Dialled {
            result,
            lookup,
            connect,
        }) => {
            notes.add_to_road(lookup, result.is_ok().then_some(connect));
            let host = match address {
                Address::Tcp { host, .. } => Some(host.clone()),
                Address::Unix(_) => None,
            };
            (result.map(|duplex| Connection::new(duplex, host)), false)
        }
        Err(_) => {
            let detail = format!("{address} did not answer the connection in time");
            let fault = if until < deadline {
                Fault::retry("unreachable", detail)
            } else {
                Fault::stop("timed-out", detail)
            };
            (Err(fault), true)
        }
    };
    Found {
        dial,
        result,
        cut_short,
    }
}

/// What an attempt saw so far, as long as that is nothing but dials in vain.
#[derive(Default)]
pub(super) struct Trail {
    left: bool,
    vain: Vec<(Dial, Fault)>,
    /// What a knock found before the guest was woken, oldest first.
    found: VecDeque<Found>,
}

impl Trail {
    /// The guest may have seen something that is not the same each time.
    pub(super) fn leave(&mut self) {
        self.left = true;
    }

    /// What the knock found at this address, if it is next.
    pub(super) fn found(&mut self, address: &Address, named_by: NamedBy) -> Option<Found> {
        let found = self.found.pop_front()?;
        if found.dial.address == *address && found.dial.named_by == named_by {
            return Some(found);
        }
        self.found.clear();
        None
    }

    /// Notes what the guest gets.
    pub(super) fn add(&mut self, found: Found) -> Result<Connection, Fault> {
        match &found.result {
            Err(fault) if !found.cut_short => self.vain.push((found.dial, fault.clone())),
            _ => self.left = true,
        }
        found.result
    }

    pub(super) fn begin_with(&mut self, found: VecDeque<Found>) {
        self.found = found;
    }

    /// What is worth knocking for next time, if this was the answer.
    pub(super) fn into_vain(self, verdict: &Verdict, notes: &Notes) -> Option<Vain> {
        let in_vain = matches!(verdict, Verdict::NotReady { .. });
        let all = !self.left && !self.vain.is_empty();
        (in_vain && all).then(|| Vain {
            dials: self.vain,
            verdict: verdict.clone(),
            logs: notes.logs(),
        })
    }
}

/// An attempt that dialled in vain and saw nothing else.
#[derive(Debug)]
pub struct Vain {
    dials: Vec<(Dial, Fault)>,
    verdict: Verdict,
    logs: Vec<(String, String)>,
}

/// What a knock came to.
pub(super) enum Knocked {
    /// Nothing has changed, and neither has the answer.
    InVain(Verdict),
    /// Something has: the guest must be asked.
    Otherwise(VecDeque<Found>),
}

impl Vain {
    /// Dials as that attempt did.
    pub(super) async fn knock(
        &self,
        dialer: &Dialer,
        job: &Job,
        notes: &Notes,
        deadline: Instant,
    ) -> Knocked {
        let mut found = VecDeque::new();
        for (dialled, fault) in &self.dials {
            let one = dial(dialer, dialled.clone(), job, notes, deadline).await;
            let same = !one.cut_short && one.result.as_ref().err() == Some(fault);
            found.push_back(one);
            if !same {
                return Knocked::Otherwise(found);
            }
        }
        notes.repeat(&self.logs);
        Knocked::InVain(self.verdict.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dial() -> Dial {
        Dial {
            address: Address::Unix("/nonexistent/socket".into()),
            named_by: NamedBy::User,
        }
    }

    fn in_vain(cut_short: bool) -> Found {
        Found {
            dial: dial(),
            result: Err(Fault::retry("no-socket", "does not exist yet")),
            cut_short,
        }
    }

    fn not_ready() -> Verdict {
        Verdict::NotReady {
            code: "no-socket".to_owned(),
            reason: "does not exist yet".to_owned(),
            wait_hint: None,
            facts: Vec::new(),
        }
    }

    #[test]
    fn only_dials_in_vain_make_an_attempt_that_is_not_repeated() {
        let trail = |found: Vec<Found>| {
            let mut trail = Trail::default();
            for found in found {
                assert!(trail.add(found).is_err());
            }
            trail
        };
        let vain = |trail: Trail, verdict: &Verdict| trail.into_vain(verdict, &Notes::default());
        let kept = vain(trail(vec![in_vain(false), in_vain(false)]), &not_ready());
        assert_eq!(kept.map(|vain| vain.dials.len()), Some(2));
        // Nobody was dialled; time ran out; something else was seen.
        assert!(vain(trail(vec![]), &not_ready()).is_none());
        assert!(vain(trail(vec![in_vain(false), in_vain(true)]), &not_ready()).is_none());
        let mut left = trail(vec![in_vain(false)]);
        left.leave();
        assert!(vain(left, &not_ready()).is_none());
        // The guest made something else of it.
        let other = Verdict::Ready {
            summary: "that is what was wished".to_owned(),
            facts: Vec::new(),
        };
        assert!(vain(trail(vec![in_vain(false)]), &other).is_none());
    }

    #[test]
    fn what_a_knock_found_is_for_the_same_address_alone() {
        let mut trail = Trail::default();
        trail.begin_with([in_vain(false), in_vain(false), in_vain(false)].into());
        let Dial { address, named_by } = dial();
        assert!(trail.found(&address, named_by).is_some());
        assert!(trail.found(&address, NamedBy::Probe).is_none());
        assert!(trail.found(&address, named_by).is_none());
    }
}
