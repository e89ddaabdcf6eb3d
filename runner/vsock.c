/* SPDX-License-Identifier: Apache-2.0
 *
 * virtio-vsock device. Each piece of work takes the transmit queue first, then fills the receive queue with whatever is
 * owed or can be read, then shows both used rings to the guest. No chain is held between two pieces of work: a reset
 * finds nothing in flight.
 */
#include "runner/vsock.h"

#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>

/* Bounds of one piece of work, so that a guest on several vCPUs cannot keep a thread, or the lock, busy for ever. What
 * is left over is done by the I/O thread in further pieces. */
#define WORK_CHAINS_MAX VIRTQ_SIZE_MAX /* of each queue */
#define WORK_BYTES_MAX	(32u << 20)    /* of payload to the guest */

/* What others must hear of a piece of work, once the lock is released. */
struct news {
	bool raise, report, more;
	bool delivered; /* something was put into the receive queue */
};

/* Takes the packets that the guest sends. True when some may be left over. */
static bool transmit(struct vsock *vsock, struct virtqueue *tx)
{
	struct virtq_chain chain;
	struct vsock_header header;
	struct spans payload;
	for (int i = 0; i < WORK_CHAINS_MAX; i++) {
		if (!vsock_mux_ready(&vsock->mux))
			return true;
		if (virtqueue_pop(tx, vsock->memory, &chain) <= 0)
			return false;
		if (chain.writable) { /* nothing would be written there */
			tx->broken = true;
			return false;
		}
		if (vsock_packet_get(&chain, &header, &payload))
			vsock_mux_receive(&vsock->mux, vsock->services, &header, &payload);
		else
			vsock->mux.violations++;
		virtqueue_push(tx, vsock->memory, chain.head, 0);
	}
	return true;
}

/* Puts one packet into the chain: bytes of payload, or -EAGAIN when there is no packet after all. */
static ssize_t receive_one(struct vsock *vsock, struct virtqueue *rx, struct virtq_chain *chain)
{
	struct vsock_room room;
	struct vsock_header header;
	if (chain->readable || !vsock_packet_room(chain, &room)) {
		rx->broken = true;
		return -EAGAIN;
	}
	ssize_t n = vsock_mux_send(&vsock->mux, vsock->services, &header, &room.payload);
	if (n < 0) {
		virtqueue_unpop(rx);
		return n;
	}
	vsock_packet_put(&room, &header);
	virtqueue_push(rx, vsock->memory, chain->head, VSOCK_HEADER_BYTES + (uint32_t)n);
	return n;
}

/* Fills receive buffers. The guest is asked to notify of new ones only while they are missed. True when more could be
 * done. */
static bool receive(struct vsock *vsock, struct virtqueue *rx)
{
	struct virtq_chain chain;
	size_t bytes = 0;
	for (int i = 0; vsock_mux_pending(&vsock->mux, vsock->services); i++) {
		if (i == WORK_CHAINS_MAX || bytes >= WORK_BYTES_MAX)
			return true;
		int popped = virtqueue_pop(rx, vsock->memory, &chain);
		if (popped < 0)
			return false;
		if (popped == 0) {
			virtqueue_want_notify(rx, vsock->memory, true);
			if (!virtqueue_available(rx, vsock->memory))
				return false;
			continue;
		}
		ssize_t n = receive_one(vsock, rx, &chain);
		if (n < 0)
			break;
		bytes += (size_t)n;
	}
	virtqueue_want_notify(rx, vsock->memory, false);
	return false;
}

/* One piece of work, with the lock held. */
static struct news work(struct vsock *vsock)
{
	struct virtqueue *rx = &vsock->mmio.queue[VSOCK_RX], *tx = &vsock->mmio.queue[VSOCK_TX];
	enum control_state before = vsock->services->control.report.state;
	struct news news = {0};
	if (!virtio_mmio_live(&vsock->mmio) || vsock->finished) {
		vsock_mux_update(&vsock->mux, vsock->services);
		return news;
	}
	bool blocked = transmit(vsock, tx);
	vsock_mux_update(&vsock->mux, vsock->services);
	uint16_t before_used = rx->next_used;
	news.more = receive(vsock, rx) || (blocked && vsock_mux_ready(&vsock->mux));
	news.delivered = rx->next_used != before_used;
	news.raise = virtqueue_publish(tx, vsock->memory);
	news.raise |= virtqueue_publish(rx, vsock->memory);
	if (news.raise)
		vsock->mmio.interrupt_status |= VIRTIO_INTERRUPT_USED;
	if (rx->broken || tx->broken) {
		virtio_mmio_fail(&vsock->mmio);
		vsock_mux_reset(&vsock->mux, vsock->services);
		news.raise = true;
		news.more = false;
	}
	news.report = vsock->services->control.report.state != before;
	return news;
}

static void tell(struct vsock *vsock, struct news news, enum vsock_cause cause)
{
	if (news.more)
		loop_wake(vsock->loop);
	if (news.raise)
		vsock->raise(vsock->context, cause);
	if (news.report && vsock->reported)
		vsock->reported(vsock->context);
}

static struct news locked_work(struct vsock *vsock)
{
	pthread_mutex_lock(&vsock->lock);
	struct news news = work(vsock);
	pthread_mutex_unlock(&vsock->lock);
	return news;
}

void vsock_work(struct vsock *vsock)
{
	tell(vsock, locked_work(vsock), VSOCK_ASYNC);
}

static void stream_ready(void *context, uint32_t events)
{
	const struct vsock_watch *watch = context;
	struct vsock *vsock = watch->vsock;
	struct news news = {0};
	pthread_mutex_lock(&vsock->lock);
	stream_event(watch->stream, events);
	/* A vCPU that waits for this works after us in any case, and is there already. */
	if (!watch->awaiting)
		news = work(vsock);
	pthread_mutex_unlock(&vsock->lock);
	tell(vsock, news, VSOCK_ASYNC);
}

static int watch_stream(struct vsock *vsock, struct vsock_watch *watch, struct stream *stream, struct error *error)
{
	if (!stream || !stream_is_open(stream))
		return 0;
	/* Edges: no system call to arm or disarm, on whichever thread the readiness is used up. */
	uint32_t events = (stream->output ? EPOLLOUT : EPOLLIN) | EPOLLET;
	*watch = (struct vsock_watch){.vsock = vsock, .stream = stream};
	return loop_add(vsock->loop, stream->fd, events, stream_ready, watch, error) < 0 ? -1 : 0;
}

static int watch_streams(struct vsock *vsock, struct error *error)
{
	for (int i = 0; i < vsock->services->count; i++)
		if (watch_stream(vsock, &vsock->watch[i][0], services_input(vsock->services, i), error) ||
		    watch_stream(vsock, &vsock->watch[i][1], services_output(vsock->services, i), error))
			return -1;
	return 0;
}

int vsock_init(struct vsock *vsock, const struct vsock_config *config, struct error *error)
{
	*vsock = (struct vsock){
	    .memory = config->memory,
	    .services = config->services,
	    .loop = config->loop,
	    .raise = config->raise,
	    .reported = config->reported,
	    .context = config->context,
	};
	pthread_mutex_init(&vsock->lock, NULL);
	virtio_mmio_init(&vsock->mmio, VIRTIO_ID_VSOCK, VIRTIO_VSOCK_F_STREAM, VSOCK_QUEUES, &config->guest_cid,
			 sizeof(config->guest_cid));
	vsock_mux_init(&vsock->mux, config->guest_cid);
	if (watch_streams(vsock, error)) {
		vsock_close(vsock);
		return -1;
	}
	return 0;
}

/* The queues have gone live. */
static void start(struct vsock *vsock)
{
	virtqueue_want_notify(&vsock->mmio.queue[VSOCK_RX], vsock->memory, false);
	virtqueue_want_notify(&vsock->mmio.queue[VSOCK_EVENT], vsock->memory, false);
}

int vsock_handover(struct vsock *vsock, const struct boot_queue *queue, struct error *error)
{
	pthread_mutex_lock(&vsock->lock);
	int result = virtio_mmio_handover(&vsock->mmio, vsock->memory, queue, VSOCK_QUEUES);
	if (result == 0)
		start(vsock);
	pthread_mutex_unlock(&vsock->lock);
	return result ? error_set(error, STATUS_RUNNER, "the vsock queues do not fit into guest memory") : 0;
}

void vsock_read(struct vsock *vsock, uint64_t offset, void *data, uint32_t length)
{
	pthread_mutex_lock(&vsock->lock);
	virtio_mmio_read(&vsock->mmio, offset, data, length);
	pthread_mutex_unlock(&vsock->lock);
}

static struct news register_write(struct vsock *vsock, uint64_t offset, const void *data, uint32_t length)
{
	uint32_t queue;
	switch (virtio_mmio_write(&vsock->mmio, vsock->memory, offset, data, length, &queue)) {
	case VIRTIO_NOTIFY:
		return work(vsock);
	case VIRTIO_START:
		start(vsock);
		break;
	case VIRTIO_RESET:
		vsock_mux_reset(&vsock->mux, vsock->services);
		break;
	case VIRTIO_NOTHING:
		break;
	}
	return (struct news){0};
}

bool vsock_write(struct vsock *vsock, uint64_t offset, const void *data, uint32_t length)
{
	pthread_mutex_lock(&vsock->lock);
	struct news news = register_write(vsock, offset, data, length);
	pthread_mutex_unlock(&vsock->lock);
	tell(vsock, news, VSOCK_INLINE);
	return news.delivered;
}

/* ---- a vCPU that waits for the files server ---- */

struct awaited {
	struct vsock_watch *watch[WIRE_FILES_SESSIONS_MAX];
	struct pollfd poll[WIRE_FILES_SESSIONS_MAX];
	nfds_t count;
};

/* Notes what is waited for. With the lock held. */
static void await_begin(struct vsock *vsock, struct awaited *awaited)
{
	awaited->count = 0;
	for (int i = SERVICE_FILES; i < vsock->services->count; i++) {
		const struct stream *input = services_input(vsock->services, i);
		if (vsock->services->state[i] != SERVICE_CONNECTED || !stream_is_open(input))
			continue;
		awaited->watch[awaited->count] = &vsock->watch[i][0];
		awaited->poll[awaited->count++] = (struct pollfd){.fd = input->fd, .events = POLLIN};
		vsock->watch[i][0].awaiting++;
	}
}

/* Works once, whatever ended the wait: an event that the I/O thread has left to this vCPU is known to its stream by
 * now. With the lock held. */
static struct news await_end(struct vsock *vsock, const struct awaited *awaited)
{
	for (nfds_t i = 0; i < awaited->count; i++) {
		struct stream *stream = awaited->watch[i]->stream;
		awaited->watch[i]->awaiting--;
		/* It may have been closed meanwhile, and its number be another's. */
		if (awaited->poll[i].revents && stream->fd == awaited->poll[i].fd)
			stream->ready = true;
	}
	return work(vsock);
}

void vsock_await_files(struct vsock *vsock)
{
	struct awaited awaited;
	pthread_mutex_lock(&vsock->lock);
	await_begin(vsock, &awaited);
	pthread_mutex_unlock(&vsock->lock);
	if (!awaited.count)
		return;
	if (poll(awaited.poll, awaited.count, BOOT_WAIT_MS) <= 0)
		for (nfds_t i = 0; i < awaited.count; i++)
			awaited.poll[i].revents = 0;
	pthread_mutex_lock(&vsock->lock);
	struct news news = await_end(vsock, &awaited);
	pthread_mutex_unlock(&vsock->lock);
	tell(vsock, news, VSOCK_INLINE);
}

bool vsock_notify(struct vsock *vsock, uint32_t queue)
{
	pthread_mutex_lock(&vsock->lock);
	struct news news = register_write(vsock, VIRTIO_MMIO_QUEUE_NOTIFY, &queue, sizeof(queue));
	pthread_mutex_unlock(&vsock->lock);
	tell(vsock, news, VSOCK_INLINE);
	return news.raise;
}

int vsock_signal(struct vsock *vsock, uint32_t signo)
{
	pthread_mutex_lock(&vsock->lock);
	int result = control_signal(&vsock->services->control, signo);
	pthread_mutex_unlock(&vsock->lock);
	vsock_work(vsock);
	return result;
}

int vsock_winsize(struct vsock *vsock, const struct wire_winsize *size)
{
	pthread_mutex_lock(&vsock->lock);
	int result = control_winsize(&vsock->services->control, size);
	pthread_mutex_unlock(&vsock->lock);
	vsock_work(vsock);
	return result;
}

void vsock_report(struct vsock *vsock, struct control_report *report)
{
	pthread_mutex_lock(&vsock->lock);
	*report = vsock->services->control.report;
	pthread_mutex_unlock(&vsock->lock);
}

void vsock_finish(struct vsock *vsock)
{
	pthread_mutex_lock(&vsock->lock);
	if (virtio_mmio_live(&vsock->mmio) && !vsock->finished)
		while (transmit(vsock, &vsock->mmio.queue[VSOCK_TX]))
			vsock->mux.resets = 0; /* nobody is left to hear them */
	vsock_mux_reset(&vsock->mux, vsock->services);
	vsock->finished = true;
	pthread_mutex_unlock(&vsock->lock);
}

bool vsock_drained(struct vsock *vsock)
{
	pthread_mutex_lock(&vsock->lock);
	bool drained = services_drained(vsock->services);
	pthread_mutex_unlock(&vsock->lock);
	return drained;
}

int vsock_stream_error(struct vsock *vsock, enum service_index service)
{
	const struct stream *stream = service == SERVICE_STDIN ? services_input(vsock->services, service)
							       : services_output(vsock->services, service);
	pthread_mutex_lock(&vsock->lock);
	int number = stream ? stream->error : 0;
	pthread_mutex_unlock(&vsock->lock);
	return number;
}

int vsock_image_error(struct vsock *vsock, int *number)
{
	pthread_mutex_lock(&vsock->lock);
	const struct image_stream *image = &vsock->services->image;
	int file = image->failed ? (int)image->failed_file : -1;
	*number = image->failed_errno;
	pthread_mutex_unlock(&vsock->lock);
	return file;
}

void vsock_close(struct vsock *vsock)
{
	pthread_mutex_destroy(&vsock->lock);
}
