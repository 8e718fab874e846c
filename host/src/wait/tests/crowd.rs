//! A server in start-up with very many waiters: they must not be the reason
//! that it starts late.

use futures_util::future::{join, join_all};

use super::*;

/// What a server that answers one after another had to do.
#[derive(Clone, Default)]
struct Server {
    /// Until when it is busy with those who came so far.
    busy: Rc<Cell<Duration>>,
    answered: Rc<Cell<u32>>,
    /// How long those waited, together, whom it has answered.
    waited: Rc<Cell<Duration>>,
}

impl Server {
    /// A waiter for it; each answer costs it so long, and says that it starts.
    fn waiter(&self, each: Duration) -> Scripted {
        let server = self.clone();
        script(move |now| {
            let done = server.busy.get().max(now) + each;
            server.busy.set(done);
            server.answered.set(server.answered.get() + 1);
            server.waited.set(server.waited.get() + (done - now));
            (done - now, not_ready("starting-up"))
        })
    }
}

/// What share of its time a server spends with so many waiters, and how many of
/// them are with it on average, the first ten seconds left out.
async fn load(waiters: usize, each: Duration) -> (f64, f64) {
    fastrand::seed(7);
    let settings = WaitSettings {
        timeout: Some(ms(70_000)),
        ..settings()
    };
    let server = Server::default();
    let before = async {
        sleep(ms(10_000)).await;
        (server.answered.get(), server.waited.get())
    };
    let waits = (0..waiters).map(|_| wait_for(server.waiter(each), &settings));
    let ((answered, waited), _) = join(before, join_all(waits)).await;
    let answered = server.answered.get() - answered;
    let waited = server.waited.get() - waited;
    let seconds = 60.0;
    (
        (each * answered).as_secs_f64() / seconds,
        waited.as_secs_f64() / seconds,
    )
}

#[tokio::test(start_paused = true)]
async fn one_waiter_is_hardly_noticed() {
    for micros in [50, 1_000, 20_000] {
        let (share, _) = load(1, Duration::from_micros(micros)).await;
        assert!(share < 0.4, "{micros} µs: {share}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_waiters_most_keep_away() {
    for micros in [50, 500, 2_000] {
        let (_, there) = load(1_000, Duration::from_micros(micros)).await;
        assert!(there < 250.0, "{micros} µs: {there} at once");
    }
}

#[tokio::test(start_paused = true)]
async fn those_who_started_together_drift_apart() {
    fastrand::seed(7);
    let logs: Vec<Log> = (0..100).map(|_| Log::default()).collect();
    let settings = WaitSettings {
        timeout: Some(ms(5_000)),
        ..settings()
    };
    let waits = logs
        .iter()
        .map(|log| wait_for(ready_from(ms(60_000)).logged(log), &settings));
    join_all(waits).await;
    // How many of them knock in the busiest of the last hundred milliseconds,
    // where each knocks about twelve times.
    let mut each_ms = [0; 5_001];
    for start in logs.iter().flat_map(Log::starts) {
        each_ms[usize::try_from(start.as_millis()).unwrap().min(5_000)] += 1;
    }
    let most = each_ms[4_800..4_900].iter().max().unwrap();
    assert!(*most <= 30, "{most} of 100 in one millisecond");
    assert_eq!(each_ms[0], 100);
}
