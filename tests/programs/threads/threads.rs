// SPDX-License-Identifier: Apache-2.0
// Rust's standard library where it meets the system: a line `ok NAME` or `FAIL NAME` each.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Barrier, Condvar, Mutex, RwLock};
use std::thread;
use std::time::{Duration, Instant};

fn mutexes() -> bool {
    let sum = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (0..8)
        .map(|_| {
            let sum = sum.clone();
            thread::spawn(move || (0..20000).for_each(|_| *sum.lock().unwrap() += 1))
        })
        .collect();
    threads.into_iter().for_each(|t| t.join().unwrap());
    let total = *sum.lock().unwrap();
    total == 160000
}

fn channels() -> bool {
    let (send, receive) = mpsc::sync_channel(8);
    for i in 0..10u64 {
        let send = send.clone();
        thread::spawn(move || (0..1000).for_each(|n| send.send(i * 1000 + n).unwrap()));
    }
    drop(send);
    receive.iter().sum::<u64>() == 49995000
}

fn locks() -> bool {
    let (pair, barrier) = (Arc::new(RwLock::new((0, 0))), Arc::new(Barrier::new(6)));
    let threads: Vec<_> = (0..6)
        .map(|i| {
            let (pair, barrier) = (pair.clone(), barrier.clone());
            thread::spawn(move || {
                barrier.wait();
                (0..3000).all(|_| {
                    if i < 2 {
                        let mut p = pair.write().unwrap();
                        p.0 += 1;
                        p.1 += 1;
                        true
                    } else {
                        let p = pair.read().unwrap();
                        p.0 == p.1
                    }
                })
            })
        })
        .collect();
    threads.into_iter().all(|t| t.join().unwrap())
}

fn waits() -> bool {
    let begin = Instant::now();
    let (lock, condition) = (Mutex::new(()), Condvar::new());
    let (_guard, result) = condition.wait_timeout(lock.lock().unwrap(), Duration::from_millis(30)).unwrap();
    thread::park_timeout(Duration::from_millis(20));
    result.timed_out() && begin.elapsed() >= Duration::from_millis(45)
}

fn panics() -> bool {
    let counted = Arc::new(AtomicUsize::new(0));
    struct Count(Arc<AtomicUsize>);
    impl Drop for Count {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let c = Count(counted.clone());
    let died = thread::spawn(move || {
        let _c = c;
        panic!("on purpose")
    })
    .join()
    .is_err();
    died && counted.load(Ordering::SeqCst) == 1
}

fn children() -> bool {
    let mut child = Command::new("sh").args(["-c", "read x; echo got $x; exit 5"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"line\n").unwrap();
    let mut out = String::new();
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    let mut sleeper = Command::new("sleep").arg("60").spawn().unwrap();
    sleeper.kill().unwrap();
    out == "got line\n" && child.wait().unwrap().code() == Some(5) && sleeper.wait().unwrap().code().is_none() && Command::new("/none").spawn().is_err()
}

fn sockets() -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = thread::spawn(move || {
        for stream in listener.incoming().take(5) {
            let stream = stream.unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            (&stream).write_all(line.to_uppercase().as_bytes()).unwrap();
        }
    });
    let right = (0..5).all(|i| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        writeln!(stream, "line {}", i).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer == format!("LINE {}\n", i)
    });
    server.join().unwrap();
    let (a, b) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
    a.send_to(b"packet", b.local_addr().unwrap()).unwrap();
    let mut buffer = [0; 99];
    let udp = b.recv_from(&mut buffer).unwrap() == (6, a.local_addr().unwrap());
    let (mut c, mut d) = UnixStream::pair().unwrap();
    c.write_all(b"pair").unwrap();
    drop(c);
    let mut all = String::new();
    d.read_to_string(&mut all).unwrap();
    right && udp && all == "pair"
}

fn main() {
    let tests: [(&str, fn() -> bool); 7] = [
        ("mutexes", mutexes), ("channels", channels), ("locks", locks), ("waits", waits), ("panics", panics), ("children", children), ("sockets", sockets),
    ];
    for (name, run) in tests {
        println!("{} {}", if run() { "ok" } else { "FAIL" }, name);
    }
}
