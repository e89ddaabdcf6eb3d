// SPDX-License-Identifier: Apache-2.0
// Jobs of the Go runtime that meet the system: goroutines over threads, preemption by signals, timers, child processes,
// sockets on loopback, files, signals. Prints a line `ok NAME` or `FAIL NAME reason` for each.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sort"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func goroutines() error {
	var wait sync.WaitGroup
	var sum int64
	c := make(chan int, 16)
	for i := 0; i < 1000; i++ {
		wait.Add(1)
		go func(i int) { defer wait.Done(); c <- i }(i)
	}
	go func() { wait.Wait(); close(c) }()
	for v := range c {
		atomic.AddInt64(&sum, int64(v))
	}
	if sum != 499500 {
		return fmt.Errorf("sum %d", sum)
	}
	return nil
}

// A loop without calls is preempted by SIGURG alone.
func preemption() error {
	old := runtime.GOMAXPROCS(1)
	defer runtime.GOMAXPROCS(old)
	var stop int32
	go func() {
		for i := 0; ; i++ {
			if atomic.LoadInt32(&stop) != 0 {
				return
			}
		}
	}()
	time.Sleep(30 * time.Millisecond)
	for i := 0; i < 20; i++ {
		runtime.Gosched()
	}
	runtime.GC()
	atomic.StoreInt32(&stop, 1)
	return nil
}

func collector() error {
	defer debug.SetGCPercent(debug.SetGCPercent(20))
	var wait sync.WaitGroup
	for g := 0; g < 8; g++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			var keep [][]byte
			for i := 0; i < 2000; i++ {
				keep = append(keep, make([]byte, 4096))
				if len(keep) > 100 {
					keep = keep[50:]
				}
			}
		}()
	}
	wait.Wait()
	debug.FreeOSMemory()
	return nil
}

func timers() error {
	begin := time.Now()
	var order []int
	var lock sync.Mutex
	var wait sync.WaitGroup
	for _, d := range []int{30, 10, 20} {
		wait.Add(1)
		d := d
		time.AfterFunc(time.Duration(d)*5*time.Millisecond, func() { lock.Lock(); order = append(order, d); lock.Unlock(); wait.Done() })
	}
	wait.Wait()
	ticker := time.NewTicker(2 * time.Millisecond)
	for i := 0; i < 10; i++ {
		<-ticker.C
	}
	ticker.Stop()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	<-ctx.Done()
	if fmt.Sprint(order) != "[10 20 30]" || time.Since(begin) < 190*time.Millisecond {
		return fmt.Errorf("%v %v", order, time.Since(begin))
	}
	return nil
}

func children() error {
	out, err := exec.Command("sh", "-c", "cat; echo err >&2; exit 3").CombinedOutput()
	var status *exec.ExitError
	if !errors.As(err, &status) || status.ExitCode() != 3 || string(out) != "err\n" {
		return fmt.Errorf("%q %v", out, err)
	}
	var wait sync.WaitGroup
	failed := make(chan error, 40)
	for i := 0; i < 20; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			c := exec.Command("cat")
			c.Stdin = strings.NewReader(strings.Repeat("x", i*5000))
			if out, err := c.Output(); err != nil || len(out) != i*5000 {
				failed <- fmt.Errorf("cat %d: %d %v", i, len(out), err)
			}
		}(i)
	}
	wait.Wait()
	close(failed)
	if err := <-failed; err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), scale()*500*time.Millisecond)
	defer cancel()
	err = exec.CommandContext(ctx, "sleep", "60").Run()
	if err == nil || err.Error() != "signal: killed" {
		return fmt.Errorf("sleep: %v", err)
	}
	_, err = exec.Command("/none").Output()
	if !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("/none: %v", err)
	}
	return nil
}

// By how much a slow machine has more time.
func scale() time.Duration {
	n, err := strconv.Atoi(os.Getenv("SCALE"))
	if err != nil {
		return 1
	}
	return time.Duration(n)
}

func childAttributes() error {
	c := exec.Command("sh", "-c", "pwd; echo $A; ps -o pgid= -p $$ >/dev/null; cat <&3")
	c.Dir, c.Env = "/", []string{"A=b", "PATH=/usr/bin:/bin"}
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	c.ExtraFiles = []*os.File{r}
	go func() { io.WriteString(w, "extra"); w.Close() }()
	out, err := c.Output()
	if err != nil || string(out) != "/\nb\nextra" {
		return fmt.Errorf("%q %v", out, err)
	}
	return nil
}

func echo(network, address string) error {
	listener, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() { io.Copy(c, c); c.Close() }()
		}
	}()
	var wait sync.WaitGroup
	failed := make(chan error, 20)
	for i := 0; i < 20; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			c, err := net.Dial(network, listener.Addr().String())
			if err != nil {
				failed <- err
				return
			}
			defer c.Close()
			data := bytes.Repeat([]byte("0123456789"), 20000)
			go func() {
				c.Write(data)
				c.(interface{ CloseWrite() error }).CloseWrite()
			}()
			got, err := io.ReadAll(c)
			if err != nil || !bytes.Equal(got, data) {
				failed <- fmt.Errorf("%d bytes, %v", len(got), err)
			}
		}()
	}
	wait.Wait()
	close(failed)
	return <-failed
}

func deadlines() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer listener.Close()
	c, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
	_, err = c.Read(make([]byte, 1))
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("read: %v", err)
	}
	listener.Close()
	_, err = net.Dial("tcp", listener.Addr().String())
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("dial: %v", err)
	}
	return nil
}

func udp() error {
	a, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := net.Dial("udp", a.LocalAddr().String())
	if err != nil {
		return err
	}
	defer b.Close()
	for i := 0; i < 50; i++ {
		fmt.Fprintf(b, "packet %d", i)
		buffer := make([]byte, 99)
		n, from, err := a.ReadFrom(buffer)
		if err != nil || string(buffer[:n]) != fmt.Sprintf("packet %d", i) || from.String() != b.LocalAddr().String() {
			return fmt.Errorf("%q %v %v", buffer[:n], from, err)
		}
	}
	return nil
}

func web() error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %x", r.Method, r.URL.Path, sha256.Sum256(body))
	})}
	go server.Serve(listener)
	var wait sync.WaitGroup
	failed := make(chan error, 30)
	for i := 0; i < 30; i++ {
		wait.Add(1)
		go func(i int) {
			defer wait.Done()
			body := bytes.Repeat([]byte{byte(i)}, 50000)
			r, err := http.Post(fmt.Sprintf("http://%s/%d", listener.Addr(), i), "text/plain", bytes.NewReader(body))
			if err != nil {
				failed <- err
				return
			}
			got, _ := io.ReadAll(r.Body)
			r.Body.Close()
			if want := fmt.Sprintf("POST /%d %x", i, sha256.Sum256(body)); string(got) != want {
				failed <- fmt.Errorf("%q", got)
			}
		}(i)
	}
	wait.Wait()
	close(failed)
	if err := <-failed; err != nil {
		return err
	}
	return server.Shutdown(context.Background())
}

func files() error {
	dir, err := os.MkdirTemp("", "go")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for i := 0; i < 50; i++ {
		sub := filepath.Join(dir, fmt.Sprint(i%5), "deep")
		if err := os.MkdirAll(sub, 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), bytes.Repeat([]byte("line\n"), i), 0o644); err != nil {
			return err
		}
	}
	lines, names := 0, []string{}
	err = filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() {
			f, err := os.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			for s := bufio.NewScanner(f); s.Scan(); {
				lines++
			}
			names = append(names, info.Name())
		}
		return err
	})
	sort.Strings(names)
	if err != nil || lines != 1225 || len(names) != 50 {
		return fmt.Errorf("%d lines, %d names, %v", lines, len(names), err)
	}
	src, _ := os.Open(filepath.Join(dir, "4", "deep", "49"))
	dst, _ := os.Create(filepath.Join(dir, "copy"))
	n, err := io.Copy(dst, src) // copy_file_range
	if err != nil || n != 245 {
		return fmt.Errorf("copy %d %v", n, err)
	}
	return nil
}

func signals() error {
	c := make(chan os.Signal, 8)
	signal.Notify(c, syscall.SIGUSR1, syscall.SIGHUP)
	defer signal.Stop(c)
	for _, s := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGHUP, syscall.SIGUSR1} {
		syscall.Kill(os.Getpid(), s)
		select {
		case got := <-c:
			if got != s {
				return fmt.Errorf("%v for %v", got, s)
			}
		case <-time.After(5 * time.Second):
			return fmt.Errorf("%v did not arrive", s)
		}
	}
	return nil
}

func nilDereference() (err error) {
	defer func() {
		if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "nil pointer") {
			err = fmt.Errorf("%v", r)
		}
	}()
	var p *int
	*p = 1
	return nil
}

func lockedThreads() error {
	var wait sync.WaitGroup
	ids := sync.Map{}
	barrier := make(chan struct{})
	for i := 0; i < 30; i++ {
		wait.Add(1)
		go func() {
			defer wait.Done()
			runtime.LockOSThread() // the thread ends with the goroutine
			ids.Store(syscall.Gettid(), true)
			<-barrier
		}()
	}
	time.Sleep(50 * time.Millisecond)
	close(barrier)
	wait.Wait()
	n := 0
	ids.Range(func(_, _ any) bool { n++; return true })
	if n != 30 {
		return fmt.Errorf("%d threads", n)
	}
	return nil
}

func interfaces() error {
	list, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range list {
		if i.Flags&net.FlagLoopback != 0 && i.Flags&net.FlagUp != 0 {
			return nil
		}
	}
	return fmt.Errorf("no loopback in %v", list)
}

func main() {
	for _, test := range []struct {
		name string
		run  func() error
	}{
		{"goroutines", goroutines}, {"preemption", preemption}, {"collector", collector}, {"timers", timers}, {"children", children},
		{"child attributes", childAttributes}, {"tcp", func() error { return echo("tcp", "127.0.0.1:0") }},
		{"tcp6", func() error { return echo("tcp", "[::1]:0") }},
		{"unix", func() error { return echo("unix", fmt.Sprintf("/tmp/go.%d", os.Getpid())) }},
		{"deadlines", deadlines}, {"udp", udp}, {"http", web}, {"files", files}, {"signals", signals}, {"nil dereference", nilDereference},
		{"locked threads", lockedThreads}, {"interfaces", interfaces},
	} {
		if err := test.run(); err != nil {
			fmt.Println("FAIL", test.name, strings.ReplaceAll(err.Error(), "\n", " "))
		} else {
			fmt.Println("ok", test.name)
		}
	}
}
