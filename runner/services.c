/* SPDX-License-Identifier: Apache-2.0
 *
 * Host services: from a service's index to the object that holds its bytes.
 */
#include "runner/services.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "abi/wire.h"
#include "runner/vsock_conn.h"

static const uint32_t ports[SERVICE_FILES] = {
    [SERVICE_CONTROL] = WIRE_CONTROL, [SERVICE_IMAGE] = WIRE_IMAGE,   [SERVICE_STDIN] = WIRE_STDIN,
    [SERVICE_STDOUT] = WIRE_STDOUT,   [SERVICE_STDERR] = WIRE_STDERR,
};

static uint32_t port_of(int service)
{
	return service < SERVICE_FILES ? ports[service] : WIRE_FILES;
}

struct stream *services_input(struct services *services, int service)
{
	if (service >= SERVICE_FILES)
		return &services->files_in[service - SERVICE_FILES];
	return service == SERVICE_STDIN ? &services->in : NULL;
}

struct stream *services_output(struct services *services, int service)
{
	if (service >= SERVICE_FILES)
		return &services->files_out[service - SERVICE_FILES];
	return service == SERVICE_STDOUT ? &services->out : service == SERVICE_STDERR ? &services->err : NULL;
}

static int open_output(struct services *services, int service, int fd, const char *name, struct error *error)
{
	struct stream *stream = services_output(services, service);
	if (fd < 0) {
		services->state[service] = SERVICE_OVER;
		return 0;
	}
	uint8_t *buffer = malloc(VSOCK_BUFFER_BYTES);
	if (!buffer)
		return error_set(error, STATUS_RUNNER, "not enough memory for the buffer of %s", name);
	stream->buffer = buffer; /* services_close frees it, whatever follows */
	return stream_open_output(stream, fd, service == SERVICE_STDERR, buffer, VSOCK_BUFFER_BYTES, name, error);
}

/* One socket, two streams: the output has a duplicate, so that each is watched for its own edges. */
static int open_session(struct services *services, int service, int fd, struct error *error)
{
	if (stream_open_input(services_input(services, service), fd, "the files server", error))
		return -1;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (own < 0)
		return error_errno(error, STATUS_RUNNER, "cannot duplicate a socket");
	return open_output(services, service, own, "the files server", error);
}

static int open_all(struct services *services, const struct services_config *config, struct error *error)
{
	if (config->in < 0)
		services->state[SERVICE_STDIN] = SERVICE_OVER;
	else if (stream_open_input(&services->in, config->in, "standard input", error))
		return -1;
	if (open_output(services, SERVICE_STDOUT, config->out, "standard output", error))
		return -1;
	if (open_output(services, SERVICE_STDERR, config->err, "standard error", error))
		return -1;
	for (unsigned i = 0; i < config->files_count; i++)
		if (open_session(services, SERVICE_FILES + (int)i, config->files[i], error))
			return -1;
	return 0;
}

int services_init(struct services *services, const struct services_config *config, struct error *error)
{
	*services = (struct services){0};
	stream_init_closed(&services->in);
	stream_init_closed(&services->out);
	stream_init_closed(&services->err);
	services->dax = config->dax;
	services->count = SERVICE_FILES + (int)config->files_count;
	for (unsigned i = 0; i < config->files_count; i++) {
		stream_init_closed(&services->files_in[i]);
		stream_init_closed(&services->files_out[i]);
	}
	control_init(&services->control, config->job, config->job_bytes);
	image_stream_init(&services->image, config->image, config->image_files);
	if (open_all(services, config, error)) {
		services_close(services);
		return -1;
	}
	return 0;
}

static void close_stream(struct stream *stream)
{
	if (!stream)
		return;
	stream_close(stream, 0);
	free(stream->buffer);
	stream->buffer = NULL;
}

void services_close(struct services *services)
{
	for (int i = 0; i < services->count; i++) {
		close_stream(services_input(services, i));
		close_stream(services_output(services, i));
	}
	image_stream_close(&services->image);
}

int services_connect(struct services *services, uint32_t port)
{
	for (int i = 0; i < services->count; i++) {
		if (port_of(i) != port || services->state[i] != SERVICE_OFFERED)
			continue;
		services->state[i] = SERVICE_CONNECTED;
		return i;
	}
	return -1;
}

static void stop_reading(struct services *services, int service)
{
	services->input_ended[service] = true;
	struct stream *input = services_input(services, service);
	if (input)
		stream_finish(input);
	else if (service == SERVICE_IMAGE)
		image_stream_close(&services->image);
}

void services_shutdown(struct services *services, int service, uint8_t how)
{
	struct stream *stream = services_output(services, service);
	if (how & VSOCK_SHUTDOWN_RECEIVE)
		stop_reading(services, service);
	if (stream && (how & VSOCK_SHUTDOWN_SEND))
		stream_finish(stream);
}

void services_disconnect(struct services *services, int service)
{
	services->state[service] = SERVICE_OVER;
	services_shutdown(services, service, VSOCK_SHUTDOWN_BOTH);
}

bool services_readable(const struct services *services, int service)
{
	if (services->input_ended[service])
		return false;
	switch (service) {
	case SERVICE_CONTROL:
		return control_pending(&services->control);
	case SERVICE_IMAGE:
		return true;
	case SERVICE_STDIN:
		return services->in.ready;
	default:
		return service >= SERVICE_FILES && services->files_in[service - SERVICE_FILES].ready;
	}
}

ssize_t services_read(struct services *services, int service, struct spans *spans)
{
	struct stream *input = services_input(services, service);
	ssize_t n = -EAGAIN;
	switch (service) {
	case SERVICE_CONTROL: /* stays open: signals may follow */
		return control_pending(&services->control) ? (ssize_t)control_read(&services->control, spans) : -EAGAIN;
	case SERVICE_IMAGE:
		n = (ssize_t)image_stream_read(&services->image, spans);
		break;
	default:
		if (!input)
			break;
		n = stream_read(input, spans->iov, spans->count);
		if (n < 0 && n != -EAGAIN)
			n = 0; /* the errno stays in the stream for the report */
		/* The server hands a file over before it says so: what this reply tells of is mapped when the guest
		 * reads it. */
		if (n > 0 && services->dax && service >= SERVICE_FILES)
			dax_take(services->dax);
		break;
	}
	if (n == 0)
		stop_reading(services, service);
	return n;
}

uint32_t services_unit(int service)
{
	return service == SERVICE_IMAGE ? WIRE_PAGE : 1;
}

ssize_t services_write(struct services *services, int service, struct spans *spans)
{
	struct stream *stream = services_output(services, service);
	size_t bytes = spans->bytes;
	if (stream) {
		ssize_t n = stream_write(stream, spans->iov, spans->count, bytes);
		return n < 0 ? -EPIPE : n;
	}
	if (service == SERVICE_CONTROL)
		return control_write(&services->control, spans) ? -EPIPE : (ssize_t)bytes;
	return bytes ? -EPIPE : 0; /* image and standard input take nothing */
}

uint32_t services_flush(struct services *services, int service)
{
	struct stream *stream = services_output(services, service);
	return stream ? stream_flush(stream) : 0;
}

bool services_gone(const struct services *services, int service)
{
	if (service >= SERVICE_FILES)
		return !stream_is_open(&services->files_out[service - SERVICE_FILES]);
	if (service == SERVICE_STDOUT)
		return !stream_is_open(&services->out);
	return service == SERVICE_STDERR && !stream_is_open(&services->err);
}

bool services_drained(const struct services *services)
{
	return !services->out.pending && !services->err.pending;
}
