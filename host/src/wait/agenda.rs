//! Which target is asked when: one timer for all of them, since most of a
//! thousand targets are doing nothing most of the time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use tokio::time::Instant;

/// The targets that are to be asked, now or later; each at most once.
#[derive(Debug)]
pub(super) struct Agenda {
    later: BinaryHeap<Reverse<(Instant, usize)>>,
    /// Those whose turn has come.
    turns: VecDeque<usize>,
}

impl Agenda {
    /// So many targets, whose turn it is in this order.
    pub(super) fn new(targets: usize) -> Self {
        Self {
            later: BinaryHeap::new(),
            turns: (0..targets).collect(),
        }
    }

    /// It is to be asked then; it must not be here already.
    pub(super) fn at(&mut self, index: usize, at: Instant) {
        self.later.push(Reverse((at, index)));
    }

    /// It is to be asked as soon as possible; it must not be here already.
    pub(super) fn now(&mut self, index: usize) {
        self.turns.push_back(index);
    }

    /// The time has come.
    pub(super) fn come(&mut self, now: Instant) {
        while let Some(Reverse((at, index))) = self.later.peek().copied()
            && at <= now
        {
            self.later.pop();
            self.turns.push_back(index);
        }
    }

    /// Takes the next whose turn it is.
    pub(super) fn take(&mut self) -> Option<usize> {
        self.turns.pop_front()
    }

    /// When the next turn comes, after those that have come.
    pub(super) fn next(&self) -> Option<Instant> {
        self.later.peek().map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_gets_its_turn_once_and_in_time() {
        let start = Instant::now();
        let ms = |millis| start + Duration::from_millis(millis);
        let mut agenda = Agenda::new(3);
        let first: Vec<_> = std::iter::from_fn(|| agenda.take()).collect();
        assert_eq!(first, [0, 1, 2]);
        agenda.at(0, ms(30));
        agenda.at(1, ms(10));
        agenda.at(2, ms(20));
        assert_eq!(agenda.next(), Some(ms(10)));
        agenda.come(ms(9));
        assert_eq!(agenda.take(), None);
        agenda.come(ms(20));
        assert_eq!((agenda.take(), agenda.take()), (Some(1), Some(2)));
        assert_eq!((agenda.take(), agenda.next()), (None, Some(ms(30))));
        agenda.now(1);
        agenda.come(ms(40));
        assert_eq!((agenda.take(), agenda.take()), (Some(1), Some(0)));
        assert_eq!((agenda.take(), agenda.next()), (None, None));
    }
}
