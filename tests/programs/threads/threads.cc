// SPDX-License-Identifier: Apache-2.0
// C++ threads: a line `ok NAME` or `FAIL NAME` for each use of the library that meets the system.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <fstream>
#include <future>
#include <mutex>
#include <numeric>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

static void result(const char *name, bool ok)
{
	printf("%s %s\n", ok ? "ok" : "FAIL", name);
}

static bool mutexes()
{
	std::mutex lock;
	long sum = 0;
	std::vector<std::thread> threads;
	for (int i = 0; i < 8; i++)
		threads.emplace_back([&] {
			for (int n = 0; n < 20000; n++) {
				std::lock_guard<std::mutex> hold(lock);
				sum++;
			}
		});
	for (auto &t : threads)
		t.join();
	return sum == 160000;
}

static bool queue()
{
	std::mutex lock;
	std::condition_variable more, room;
	std::deque<int> items;
	std::atomic<long> sum{0};
	bool done = false;
	std::vector<std::thread> threads;
	for (int i = 0; i < 4; i++)
		threads.emplace_back([&] {
			for (;;) {
				std::unique_lock<std::mutex> hold(lock);
				more.wait(hold, [&] { return done || !items.empty(); });
				if (items.empty())
					return;
				sum += items.front();
				items.pop_front();
				room.notify_one();
			}
		});
	for (int i = 0; i < 20000; i++) {
		std::unique_lock<std::mutex> hold(lock);
		room.wait(hold, [&] { return items.size() < 64; });
		items.push_back(i);
		more.notify_one();
	}
	{
		std::lock_guard<std::mutex> hold(lock);
		done = true;
	}
	more.notify_all();
	for (auto &t : threads)
		t.join();
	return sum == 199990000;
}

static bool readers_and_writers()
{
	std::shared_mutex lock;
	long a = 0, b = 0;
	std::atomic<bool> torn{false};
	std::vector<std::thread> threads;
	for (int i = 0; i < 6; i++)
		threads.emplace_back([&, i] {
			for (int n = 0; n < 5000; n++)
				if (i < 2) {
					std::unique_lock<std::shared_mutex> hold(lock);
					a++;
					b++;
				} else {
					std::shared_lock<std::shared_mutex> hold(lock);
					if (a != b)
						torn = true;
				}
		});
	for (auto &t : threads)
		t.join();
	return !torn && a == 10000;
}

static bool futures()
{
	std::vector<std::future<long>> parts;
	for (int i = 0; i < 16; i++)
		parts.push_back(std::async(std::launch::async, [i] {
			std::vector<long> v(10000);
			std::iota(v.begin(), v.end(), i * 10000L);
			return std::accumulate(v.begin(), v.end(), 0L);
		}));
	long sum = 0;
	for (auto &part : parts)
		sum += part.get();
	return sum == 160000L * 159999 / 2;
}

static bool exceptions()
{
	auto failing = std::async(std::launch::async, []() -> int { throw std::runtime_error("thrown"); });
	try {
		failing.get();
	} catch (const std::runtime_error &e) {
		return std::string(e.what()) == "thrown";
	}
	return false;
}

static bool timed_waits()
{
	std::timed_mutex lock;
	std::lock_guard<std::timed_mutex> hold(lock);
	auto begin = std::chrono::steady_clock::now();
	bool got = std::async(std::launch::async, [&] { return lock.try_lock_for(30ms); }).get();
	std::condition_variable never;
	std::mutex other;
	std::unique_lock<std::mutex> wait(other);
	bool late = never.wait_until(wait, std::chrono::system_clock::now() + 30ms) == std::cv_status::timeout;
	return !got && late && std::chrono::steady_clock::now() - begin >= 55ms;
}

static thread_local std::string mine;

static bool thread_locals()
{
	std::atomic<int> right{0};
	std::vector<std::thread> threads;
	for (int i = 0; i < 50; i++)
		threads.emplace_back([&, i] {
			mine = std::to_string(i);
			std::this_thread::yield();
			right += mine == std::to_string(i);
		});
	for (auto &t : threads)
		t.join();
	return right == 50;
}

static bool once()
{
	std::once_flag flag;
	std::atomic<int> runs{0};
	std::vector<std::thread> threads;
	for (int i = 0; i < 20; i++)
		threads.emplace_back([&] { std::call_once(flag, [&] { std::this_thread::sleep_for(5ms); runs++; }); });
	for (auto &t : threads)
		t.join();
	return runs == 1;
}

int main()
{
	result("mutexes", mutexes());
	result("queue", queue());
	result("readers and writers", readers_and_writers());
	result("futures", futures());
	result("exceptions", exceptions());
	result("timed waits", timed_waits());
	result("thread locals", thread_locals());
	result("once", once());
}
