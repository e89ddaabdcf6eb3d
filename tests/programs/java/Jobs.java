// SPDX-License-Identifier: Apache-2.0
// The JDK's own abilities, one method each: java Jobs PART. A line `RESULT NAME` for each check on standard output.
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.*;
import java.nio.channels.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.nio.file.attribute.*;
import java.security.*;
import java.time.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.concurrent.locks.*;
import java.util.stream.*;
import java.util.zip.*;

public class Jobs {
	interface Check { Object run() throws Exception; }
	static final Map<String, Check> checks = new LinkedHashMap<>();

	static void threads() {
		checks.put("synchronized counter", () -> {
			int[] n = {0};
			List<Thread> all = new ArrayList<>();
			for (int i = 0; i < 16; i++) all.add(new Thread(() -> { for (int k = 0; k < 20000; k++) synchronized (n) { n[0]++; } }));
			for (Thread t : all) t.start();
			for (Thread t : all) t.join();
			return n[0];
		});
		checks.put("atomics, adders", () -> { LongAdder a = new LongAdder(); IntStream.range(0, 200000).parallel().forEach(i -> a.add(i)); return a.sum(); });
		checks.put("executor, futures", () -> {
			ExecutorService e = Executors.newFixedThreadPool(6);
			List<Future<Integer>> f = new ArrayList<>();
			for (int i = 0; i < 500; i++) { int n = i; f.add(e.submit(() -> n * n)); }
			long sum = 0;
			for (Future<Integer> x : f) sum += x.get();
			e.shutdown();
			return sum + " " + e.awaitTermination(5, TimeUnit.SECONDS);
		});
		checks.put("fork and join", () -> ForkJoinPool.commonPool().invoke(new Fib(24)));
		checks.put("parallel streams", () -> IntStream.rangeClosed(1, 300000).parallel().filter(i -> i % 7 == 0).mapToObj(Integer::toString).collect(Collectors.joining()).hashCode());
		checks.put("locks, conditions", () -> {
			ArrayBlockingQueue<Integer> q = new ArrayBlockingQueue<>(3);
			Thread p = new Thread(() -> { try { for (int i = 0; i < 5000; i++) q.put(i); q.put(-1); } catch (InterruptedException e) { } });
			p.start();
			long sum = 0;
			for (int v; (v = q.take()) >= 0;) sum += v;
			p.join();
			return sum;
		});
		checks.put("barrier, latch, phaser, semaphore", () -> {
			CyclicBarrier b = new CyclicBarrier(4);
			CountDownLatch l = new CountDownLatch(4);
			Semaphore s = new Semaphore(2);
			AtomicInteger n = new AtomicInteger(), most = new AtomicInteger();
			for (int i = 0; i < 4; i++)
				new Thread(() -> { try { for (int k = 0; k < 200; k++) { b.await(); s.acquire(); most.accumulateAndGet(n.incrementAndGet(), Math::max); n.decrementAndGet(); s.release(); } } catch (Exception e) { } l.countDown(); }).start();
			return l.await(60, TimeUnit.SECONDS) + " " + (most.get() <= 2);
		});
		checks.put("interrupt of sleep, wait and park", () -> {
			Thread t = new Thread(() -> { try { Thread.sleep(100000); } catch (InterruptedException e) { LockSupport.parkNanos(100_000_000_000L); } });
			t.start();
			while (t.getState() != Thread.State.TIMED_WAITING) Thread.sleep(5);
			t.interrupt();
			Thread.sleep(100);
			t.interrupt();
			t.join(20000);
			return t.isAlive();
		});
		checks.put("scheduled", () -> { ScheduledExecutorService e = Executors.newScheduledThreadPool(2); AtomicInteger n = new AtomicInteger(); e.scheduleAtFixedRate(n::incrementAndGet, 0, 5, TimeUnit.MILLISECONDS); while (n.get() < 20) Thread.sleep(5); e.shutdownNow(); return true; });
		checks.put("200 threads", () -> { CountDownLatch l = new CountDownLatch(200); for (int i = 0; i < 200; i++) new Thread(() -> { try { Thread.sleep(50); } catch (InterruptedException e) { } l.countDown(); }).start(); return l.await(60, TimeUnit.SECONDS); });
		checks.put("stack overflow", () -> { try { return deep(0); } catch (StackOverflowError e) { return "StackOverflowError"; } });
		checks.put("stack overflow in a thread", () -> { String[] r = {""}; Thread t = new Thread(null, () -> { try { deep(0); } catch (StackOverflowError e) { r[0] = "caught"; } }, "t", 300000); t.start(); t.join(); return r[0]; });
		checks.put("null pointers, divisions in hot code", () -> { int n = 0; Object[] o = {null, "x"}; for (int i = 0; i < 200000; i++) try { n += o[i & 1].hashCode() / (i & 2); } catch (NullPointerException e) { n += 2; } catch (ArithmeticException e) { n += 3; } return n; });
		checks.put("thread dump", () -> ManagementHelper.threads() > 0);
	}
	static class Fib extends RecursiveTask<Integer> {
		final int n;
		Fib(int n) { this.n = n; }
		protected Integer compute() { if (n < 2) return n; Fib a = new Fib(n - 1); a.fork(); return new Fib(n - 2).compute() + a.join(); }
	}
	static int deep(int n) { return deep(n + 1) + 1; }
	static class ManagementHelper { static int threads() { return java.lang.management.ManagementFactory.getThreadMXBean().dumpAllThreads(true, true).length; } }

	static void memory() {
		checks.put("garbage", () -> { long h = 0; List<byte[]> kept = new ArrayList<>(); for (int i = 0; i < 3000; i++) { byte[] b = new byte[50000]; b[i] = (byte) i; if (i % 50 == 0) kept.add(b); h = h * 31 + b[i]; } System.gc(); return h + " " + kept.size(); });
		checks.put("OutOfMemoryError", () -> { try { List<long[]> l = new ArrayList<>(); for (;;) l.add(new long[4 << 20]); } catch (OutOfMemoryError e) { return "caught"; } });
		checks.put("weak references, cleaner", () -> { java.lang.ref.WeakReference<Object> w = new java.lang.ref.WeakReference<>(new Object()); for (int i = 0; i < 100 && w.get() != null; i++) { System.gc(); Thread.sleep(10); } return w.get() == null; });
		checks.put("direct buffers", () -> { long n = 0; for (int i = 0; i < 200; i++) { ByteBuffer b = ByteBuffer.allocateDirect(1 << 20); b.putLong(8, i); n += b.getLong(8); } return n; });
		checks.put("mapped file", () -> { Path p = Path.of("map"); try (FileChannel c = FileChannel.open(p, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) { MappedByteBuffer m = c.map(FileChannel.MapMode.READ_WRITE, 0, 1 << 20); m.put(500000, (byte) 'x'); m.force(); return Files.size(p) + " " + Files.readAllBytes(p)[500000]; } });
		checks.put("JIT: loops", () -> { long h = 1; for (int i = 0; i < 50_000_000; i++) h = h * 6364136223846793005L + i; double d = 0; for (int i = 1; i < 5_000_000; i++) d += Math.sqrt(i) / i; return h + " " + (long) d; });
		checks.put("big numbers", () -> { java.math.BigInteger f = java.math.BigInteger.ONE; for (int i = 1; i < 1500; i++) f = f.multiply(java.math.BigInteger.valueOf(i)); return f.hashCode(); });
		checks.put("runtime", () -> Runtime.getRuntime().availableProcessors() > 0 && Runtime.getRuntime().maxMemory() > 0);
	}

	static void files() {
		checks.put("write, read, append", () -> { Files.writeString(Path.of("a"), "one"); Files.writeString(Path.of("a"), "two", StandardOpenOption.APPEND); return Files.readString(Path.of("a")); });
		checks.put("tree: make, walk, delete", () -> { for (int i = 0; i < 50; i++) { Files.createDirectories(Path.of("t/d" + i % 5)); Files.createFile(Path.of("t/d" + i % 5 + "/f" + i)); } try (Stream<Path> s = Files.walk(Path.of("t"))) { List<Path> l = s.sorted(Comparator.reverseOrder()).toList(); for (Path p : l) Files.delete(p); return l.size(); } });
		checks.put("attributes", () -> { Path p = Path.of("p"); Files.writeString(p, "x"); Files.setPosixFilePermissions(p, PosixFilePermissions.fromString("rw-r-----")); Files.setLastModifiedTime(p, FileTime.from(Instant.ofEpochSecond(1234567890, 123456789))); return Files.readAttributes(p, "posix:permissions,lastModifiedTime,size,isRegularFile").toString().length() + " " + Files.getLastModifiedTime(p); });
		checks.put("links", () -> { Files.createSymbolicLink(Path.of("l"), Path.of("a")); Files.createLink(Path.of("h"), Path.of("a")); return Files.readSymbolicLink(Path.of("l")) + " " + Files.isSameFile(Path.of("h"), Path.of("l")) + " " + Files.getAttribute(Path.of("a"), "unix:nlink"); });
		checks.put("copy, move atomically", () -> { Files.copy(Path.of("a"), Path.of("b"), StandardCopyOption.COPY_ATTRIBUTES); Files.move(Path.of("b"), Path.of("c"), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING); return Files.exists(Path.of("b")) + " " + Files.mismatch(Path.of("a"), Path.of("c")); });
		checks.put("locks", () -> { try (FileChannel c = FileChannel.open(Path.of("a"), StandardOpenOption.WRITE); FileLock l = c.lock(0, 1, false)) { try { c.lock(0, 1, false); return "?"; } catch (OverlappingFileLockException e) { return l.isValid(); } } });
		checks.put("transferTo, scatter, random access", () -> { byte[] b = new byte[300000]; new Random(5).nextBytes(b); Files.write(Path.of("r"), b); try (FileChannel i = FileChannel.open(Path.of("r")); FileChannel o = FileChannel.open(Path.of("s"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) { long n = i.transferTo(1000, 250000, o); try (RandomAccessFile f = new RandomAccessFile("s", "rw")) { f.seek(400000); f.write(1); f.setLength(400010); return n + " " + f.length() + " " + digest(Files.readAllBytes(Path.of("s"))); } } });
		checks.put("asynchronous channel", () -> { try (AsynchronousFileChannel c = AsynchronousFileChannel.open(Path.of("r"))) { ByteBuffer b = ByteBuffer.allocate(5000); return c.read(b, 100).get(); } });
		checks.put("watch service", () -> { Path d = Files.createTempDirectory(Path.of("."), "w"); try (WatchService w = d.getFileSystem().newWatchService()) { d.register(w, StandardWatchEventKinds.ENTRY_CREATE, StandardWatchEventKinds.ENTRY_DELETE); Files.createFile(d.resolve("x")); WatchKey k = w.poll(20, TimeUnit.SECONDS); return k.pollEvents().stream().map(e -> e.kind() + "" + e.context()).collect(Collectors.joining()); } });
		checks.put("zip and gzip", () -> { try (ZipOutputStream z = new ZipOutputStream(new FileOutputStream("z"))) { for (int i = 0; i < 50; i++) { z.putNextEntry(new ZipEntry("e" + i)); z.write(("text " + i).repeat(100).getBytes()); } } int n = 0; try (java.nio.file.FileSystem f = FileSystems.newFileSystem(Path.of("z")); Stream<Path> s = Files.list(f.getPath("/"))) { n = (int) s.count(); } try (ZipFile f = new ZipFile("z")) { return n + " " + f.size() + " " + new String(f.getInputStream(f.getEntry("e7")).readAllBytes()).length(); } });
		checks.put("errors", () -> { StringBuilder s = new StringBuilder(); for (Check c : new Check[] {() -> Files.readString(Path.of("none")), () -> Files.createDirectory(Path.of(".")), () -> Files.newInputStream(Path.of("/none/x")), () -> Files.readString(Path.of("/"))}) try { c.run(); } catch (Exception e) { s.append(e.getClass().getSimpleName()).append(' '); } return s; });
		checks.put("file store", () -> Files.getFileStore(Path.of(".")).getTotalSpace() > 0);
	}

	static void sockets() {
		checks.put("TCP echo", () -> { try (ServerSocket s = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) { Thread t = new Thread(() -> { try (Socket c = s.accept()) { c.getInputStream().transferTo(c.getOutputStream()); } catch (IOException e) { } }); t.start(); try (Socket c = new Socket(s.getInetAddress(), s.getLocalPort())) { byte[] b = new byte[500000]; new Random(1).nextBytes(b); new Thread(() -> { try { c.getOutputStream().write(b); c.shutdownOutput(); } catch (IOException e) { } }).start(); return Arrays.equals(b, c.getInputStream().readAllBytes()); } } });
		checks.put("time-outs, refused", () -> { StringBuilder r = new StringBuilder(); try (ServerSocket s = new ServerSocket(0)) { s.setSoTimeout(100); try { s.accept(); } catch (SocketTimeoutException e) { r.append(e.getMessage()); } try (Socket c = new Socket("127.0.0.1", s.getLocalPort())) { c.setSoTimeout(100); try { c.getInputStream().read(); } catch (SocketTimeoutException e) { r.append(e.getMessage()); } } } try { new Socket("127.0.0.1", 1); } catch (ConnectException e) { r.append(e.getMessage()); } return r; });
		checks.put("selector with 50 connections", () -> {
			try (Selector sel = Selector.open(); ServerSocketChannel s = ServerSocketChannel.open()) {
				s.bind(new InetSocketAddress("127.0.0.1", 0)).configureBlocking(false);
				s.register(sel, SelectionKey.OP_ACCEPT);
				int port = ((InetSocketAddress) s.getLocalAddress()).getPort();
				AtomicInteger sum = new AtomicInteger();
				CountDownLatch done = new CountDownLatch(50);
				for (int i = 0; i < 50; i++) { int n = i; new Thread(() -> { try (Socket c = new Socket("127.0.0.1", port)) { c.getOutputStream().write(n); sum.addAndGet(c.getInputStream().read()); } catch (IOException e) { } done.countDown(); }).start(); }
				ByteBuffer b = ByteBuffer.allocate(1);
				while (done.getCount() > 0) {
					sel.select(50);
					for (SelectionKey k : sel.selectedKeys()) {
						if (k.isAcceptable()) { SocketChannel c = s.accept(); if (c != null) { c.configureBlocking(false); c.register(sel, SelectionKey.OP_READ); } }
						else if (k.isReadable()) { b.clear(); if (((SocketChannel) k.channel()).read(b) < 0) k.channel().close(); else { b.flip(); ((SocketChannel) k.channel()).write(b); } }
					}
					sel.selectedKeys().clear();
				}
				return sum.get();
			}
		});
		checks.put("asynchronous channels", () -> { try (AsynchronousServerSocketChannel s = AsynchronousServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0))) { Future<AsynchronousSocketChannel> f = s.accept(); AsynchronousSocketChannel c = AsynchronousSocketChannel.open(); c.connect(s.getLocalAddress()).get(); AsynchronousSocketChannel d = f.get(); d.write(ByteBuffer.wrap("hello".getBytes())).get(); ByteBuffer b = ByteBuffer.allocate(10); int n = c.read(b).get(); c.close(); d.close(); return n; } });
		checks.put("UDP, multicast", () -> { try (DatagramSocket a = new DatagramSocket(0, InetAddress.getByName("127.0.0.1")); DatagramSocket b = new DatagramSocket()) { b.send(new DatagramPacket("hi".getBytes(), 2, a.getLocalSocketAddress())); DatagramPacket p = new DatagramPacket(new byte[10], 10); a.setSoTimeout(10000); a.receive(p); return new String(p.getData(), 0, p.getLength()); } });
		checks.put("Unix socket", () -> { Path p = Path.of("sock"); UnixDomainSocketAddress a = UnixDomainSocketAddress.of(p); try (ServerSocketChannel s = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) { s.bind(a); Thread t = new Thread(() -> { try (SocketChannel c = s.accept()) { c.write(ByteBuffer.wrap("over a file".getBytes())); } catch (IOException e) { } }); t.start(); try (SocketChannel c = SocketChannel.open(a)) { ByteBuffer b = ByteBuffer.allocate(100); while (c.read(b) > 0); t.join(); return new String(b.array(), 0, b.position()); } } });
		checks.put("IPv6", () -> { try (ServerSocket s = new ServerSocket(0, 5, InetAddress.getByName("::1")); Socket c = new Socket("::1", s.getLocalPort())) { return c.getInetAddress(); } });
		checks.put("http server and client", () -> {
			com.sun.net.httpserver.HttpServer s = com.sun.net.httpserver.HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
			s.setExecutor(Executors.newFixedThreadPool(4));
			s.createContext("/", x -> { byte[] b = (x.getRequestURI() + "!").getBytes(); x.sendResponseHeaders(200, b.length); x.getResponseBody().write(b); x.close(); });
			s.start();
			HttpClient c = HttpClient.newHttpClient();
			List<CompletableFuture<String>> f = new ArrayList<>();
			for (int i = 0; i < 60; i++) f.add(c.sendAsync(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + s.getAddress().getPort() + "/" + i)).build(), HttpResponse.BodyHandlers.ofString()).thenApply(HttpResponse::body));
			String r = f.stream().map(CompletableFuture::join).collect(Collectors.joining());
			s.stop(0);
			((ExecutorService) s.getExecutor()).shutdownNow();
			return r;
		});
		checks.put("interfaces", () -> NetworkInterface.getByName("lo").isLoopback() + " " + NetworkInterface.getByName("lo").isUp());
		checks.put("closed while it waits", () -> { ServerSocket s = new ServerSocket(0); Thread t = new Thread(() -> { try { Thread.sleep(200); s.close(); } catch (Exception e) { } }); t.start(); try { s.accept(); return "?"; } catch (SocketException e) { return e.getMessage(); } });
	}

	static void processes() {
		checks.put("output and status", () -> { Process p = new ProcessBuilder("sh", "-c", "echo out; echo err >&2; exit 7").redirectErrorStream(true).start(); return new String(p.getInputStream().readAllBytes()) + p.waitFor(); });
		checks.put("input, environment, directory", () -> { ProcessBuilder b = new ProcessBuilder("sh", "-c", "wc -c; echo $X; pwd").directory(new File("/usr")); b.environment().put("X", "y"); Process p = b.start(); p.getOutputStream().write(new byte[200000]); p.getOutputStream().close(); return new String(p.getInputStream().readAllBytes()); });
		checks.put("destroy", () -> { Process p = new ProcessBuilder("sleep", "60").start(); p.destroy(); int a = p.waitFor(); Process q = new ProcessBuilder("sleep", "60").start(); q.destroyForcibly(); return a + " " + q.waitFor(); });
		checks.put("handles, descendants", () -> { Process p = new ProcessBuilder("sh", "-c", "sleep 60 & sleep 60; true").start(); while (p.descendants().count() < 2) Thread.sleep(10); long n = p.descendants().count(); p.descendants().forEach(ProcessHandle::destroy); return n + " " + p.waitFor() + " " + p.info().command().isPresent(); });
		checks.put("onExit", () -> new ProcessBuilder("true").start().onExit().get(20, TimeUnit.SECONDS).exitValue());
		checks.put("pipeline", () -> { List<Process> l = ProcessBuilder.startPipeline(List.of(new ProcessBuilder("seq", "1", "20000"), new ProcessBuilder("grep", "9"), new ProcessBuilder("wc", "-l"))); return new String(l.get(2).getInputStream().readAllBytes()).trim(); });
		checks.put("no such program", () -> { try { new ProcessBuilder("/none").start(); return "?"; } catch (IOException e) { return e.getMessage(); } });
		checks.put("twenty at once", () -> { List<Process> l = new ArrayList<>(); for (int i = 0; i < 20; i++) l.add(new ProcessBuilder("echo", "" + i).start()); int n = 0; for (Process p : l) n += Integer.parseInt(new String(p.getInputStream().readAllBytes()).trim()); return n; });
		checks.put("redirects", () -> { new ProcessBuilder("sh", "-c", "cat; echo x").redirectInput(new File("/proc/sys/kernel/ostype")).redirectOutput(new File("o")).start().waitFor(); return Files.readString(Path.of("o")); });
		checks.put("a JVM of its own: shutdown hook at SIGTERM", () -> { Process p = new ProcessBuilder("java", "-Xshare:auto", "-cp", System.getProperty("java.class.path"), "Jobs", "hook").redirectErrorStream(true).start(); BufferedReader r = p.inputReader(); r.readLine(); p.destroy(); return r.readLine() + " " + p.waitFor(); });
		checks.put("a JVM that exits 5", () -> new ProcessBuilder("java", "-cp", System.getProperty("java.class.path"), "Jobs", "exit5").start().waitFor());
	}

	static String digest(byte[] b) throws Exception { return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(b)).substring(0, 12); }

	public static void main(String[] a) throws Exception {
		switch (a[0]) {
		case "threads" -> threads();
		case "memory" -> memory();
		case "files" -> files();
		case "sockets" -> sockets();
		case "processes" -> processes();
		case "hook" -> { Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("hook"))); System.out.println("ready"); Thread.sleep(60000); }
		case "exit5" -> System.exit(5);
		}
		for (Map.Entry<String, Check> e : checks.entrySet()) {
			String outcome;
			try { outcome = String.valueOf(e.getValue().run()); } catch (Throwable t) { outcome = "error " + t; t.printStackTrace(); }
			System.err.println(e.getKey() + ": " + outcome);
			System.out.println(digest(outcome.getBytes(StandardCharsets.UTF_8)) + " " + a[0] + ": " + e.getKey());
		}
		System.exit(0);
	}
}
