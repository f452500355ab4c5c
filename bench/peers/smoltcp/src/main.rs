//! A TCP stream through smoltcp, both ends on one interface whose frames come back, checksums made and checked: what `bench/suites/tcp.ts`
//! compares with. The device is smoltcp's `Loopback` with an MTU of one's own.
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use std::collections::VecDeque;
use std::io::{self, BufRead, Write};

struct Wire {
    mtu: usize,
    frames: VecDeque<Vec<u8>>,
}

struct Received(Vec<u8>);
struct Sending<'a>(&'a mut VecDeque<Vec<u8>>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, f: F) -> R {
        let mut frame = vec![0; length];
        let result = f(&mut frame);
        self.0.push_back(frame);
        result
    }
}

impl Device for Wire {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        let frame = self.frames.pop_front()?;
        Some((Received(frame), Sending(&mut self.frames)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        Some(Sending(&mut self.frames))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = self.mtu + 14;
        capabilities
    }
}

struct Stream {
    device: Wire,
    iface: Interface,
    sockets: SocketSet<'static>,
    sender: SocketHandle,
    receiver: SocketHandle,
    buffer: Vec<u8>,
    octets: usize,
    clock: i64,
}

impl Stream {
    fn new(octets: usize, window: usize, mtu: usize) -> Stream {
        let mut device = Wire { mtu, frames: VecDeque::new() };
        let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 1]).into());
        let mut iface = Interface::new(config, &mut device, Instant::from_millis(0));
        iface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(IpAddress::v4(127, 0, 0, 1), 8)).unwrap();
        });
        let socket = || tcp::Socket::new(tcp::SocketBuffer::new(vec![0; window]), tcp::SocketBuffer::new(vec![0; window]));
        let mut sockets = SocketSet::new(vec![]);
        let receiver = sockets.add(socket());
        let sender = sockets.add(socket());
        sockets.get_mut::<tcp::Socket>(receiver).listen(1234).unwrap();
        let context = iface.context();
        sockets.get_mut::<tcp::Socket>(sender).connect(context, (IpAddress::v4(127, 0, 0, 1), 1234), 65000).unwrap();
        Stream { device, iface, sockets, sender, receiver, buffer: vec![0x5a; 65_536], octets, clock: 0 }
    }

    fn run(&mut self) -> bool {
        let mut sent = 0;
        let mut received = 0;
        let mut quiet = 0;
        while received < self.octets {
            let before = sent + received;
            let socket = self.sockets.get_mut::<tcp::Socket>(self.sender);
            while sent < self.octets && socket.can_send() {
                let count = self.buffer.len().min(self.octets - sent);
                match socket.send_slice(&self.buffer[..count]) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => sent += count,
                }
            }
            self.iface.poll(Instant::from_millis(self.clock), &mut self.device, &mut self.sockets);
            let socket = self.sockets.get_mut::<tcp::Socket>(self.receiver);
            while socket.can_recv() {
                match socket.recv_slice(&mut self.buffer) {
                    Ok(0) | Err(_) => break,
                    Ok(count) => received += count,
                }
            }
            quiet = if sent + received == before { quiet + 1 } else { 0 };
            if quiet > 0 {
                self.clock += 1; // delayed acknowledgments and ARP wait for the clock
            }
            if quiet > 100_000 {
                return false;
            }
        }
        true
    }
}

fn clock(id: libc::clockid_t) -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(id, &mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The number that follows `"key":` in a line of JSON.
fn number(line: &str, key: &str) -> Option<usize> {
    let at = line.find(&format!("\"{key}\""))? + key.len() + 2;
    let digits: String = line[at..].chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

fn main() {
    let mut streams: Vec<Stream> = vec![];
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { return };
        let answer = if line.contains("\"prepare\"") {
            if line.contains("\"tcp-stream\"") {
                let octets = number(&line, "octets").unwrap_or(1 << 20);
                let mut stream = Stream::new(octets, number(&line, "window").unwrap_or(262_144), number(&line, "mtu").unwrap_or(1_500));
                if stream.run() {
                    streams.push(stream);
                    format!("{{\"id\":{}}}", streams.len() - 1)
                } else {
                    "{\"error\":\"the stream stands still\"}".to_string()
                }
            } else {
                "{\"error\":\"no such case\"}".to_string()
            }
        } else {
            match (number(&line, "run"), number(&line, "count")) {
                (Some(id), Some(count)) if id < streams.len() => {
                    let (cpu, wall) = (clock(libc::CLOCK_PROCESS_CPUTIME_ID), clock(libc::CLOCK_MONOTONIC));
                    let done = (0..count).all(|_| streams[id].run());
                    if done {
                        let (cpu, wall) = (clock(libc::CLOCK_PROCESS_CPUTIME_ID) - cpu, clock(libc::CLOCK_MONOTONIC) - wall);
                        format!("{{\"cpu\":{cpu},\"wall\":{wall}}}")
                    } else {
                        "{\"error\":\"the stream stands still\"}".to_string()
                    }
                }
                _ => "{\"error\":\"what?\"}".to_string(),
            }
        };
        println!("{answer}");
        io::stdout().flush().unwrap();
    }
}
