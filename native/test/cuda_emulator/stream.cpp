// Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
//
// stream.cpp: streams, events, captures and graphs, and the launch of a kernel.
#include "engine.h"
#include "machine.h"

namespace gavel::emulator {

uint64_t next_seed();

CUstream_st &stream_of(cudaStream_t stream) {
  if (stream == nullptr) return machine().default_stream;
  if (!machine().streams.contains(stream)) stop("the stream %p is none, or was destroyed", static_cast<void *>(stream));
  return *stream;
}

void refuse_capture(const char *function, cudaStream_t stream) {
  if (stream_of(stream).capture != nullptr) stop("%s was called on a stream that is being captured into a graph", function);
}

void refuse_any_capture(const char *function) {
  refuse_capture(function, nullptr);
  for (const cudaStream_t stream : machine().streams) refuse_capture(function, stream);
}

void enqueue(CUstream_st &stream, std::function<void()> work) {
  if (stream.capture != nullptr) {
    stream.capture->work.push_back(std::move(work));
  } else {
    work();
  }
}

cudaError_t launch(const cudaLaunchConfig_t &config, const void *kernel, std::function<void()> body) {
  GAVEL_EMULATED_CALL("cudaLaunchKernelEx");
  const dim3 grid = config.grid, block = config.block;
  if (grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) {
    return result(cudaErrorInvalidConfiguration);
  }
  const uint64_t threads = uint64_t{block.x} * block.y * block.z;
  if (threads == 0 || threads > 1024 || block.x > 1024 || block.y > 1024 || block.z > 64) {
    return result(cudaErrorInvalidConfiguration);
  }
  const auto limit = machine().dynamic_shared_limit.find(kernel);
  const size_t most = limit == machine().dynamic_shared_limit.end() ? 48 * 1024 : static_cast<size_t>(limit->second);
  if (config.dynamicSmemBytes > most) return result(cudaErrorInvalidValue);
  // Such a device runs what was compiled for 8.0, which has no instruction to wait with.
  if (config.numAttrs != 0 && machine().compute_capability / 10 != 9) {
    stop("%s is launched early on a device on which it cannot wait for the kernel before it", function_name(kernel));
  }
  CUstream_st &stream = stream_of(config.stream);
  if (config.stream != nullptr && stream.device != current_device()) return result(cudaErrorInvalidResourceHandle);
  const Launch run{kernel, grid, block, config.dynamicSmemBytes, std::move(body)};
  enqueue(stream, [run] {
    DeviceAccess access;
    ++machine().launches;
    if (engine() == EngineKind::FIBRES) {
      run_fibres(run, next_seed());
    } else {
      run_threads(run, next_seed());
    }
  });
  return cudaSuccess;
}

}  // namespace gavel::emulator

using namespace gavel::emulator;

cudaError_t cudaFuncSetAttribute(const void *function, cudaFuncAttribute attribute, int value) {
  GAVEL_EMULATED_CALL("cudaFuncSetAttribute");
  const int most = (machine().compute_capability >= 90 ? 227 : 163) * 1024;
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || value < 0 || value > most)
    return result(cudaErrorInvalidValue);
  machine().dynamic_shared_limit[function] = value;
  return cudaSuccess;
}

cudaError_t cudaFuncGetName(const char **name, const void *function) {
  *name = function_name(function);
  return cudaSuccess;
}

cudaError_t cudaDeviceSynchronize() {
  GAVEL_EMULATED_CALL("cudaDeviceSynchronize");
  refuse_any_capture("cudaDeviceSynchronize");
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t *stream, unsigned flags) {
  GAVEL_EMULATED_CALL("cudaStreamCreateWithFlags");
  if (flags > cudaStreamNonBlocking) return result(cudaErrorInvalidValue);
  *stream = new CUstream_st;
  (*stream)->device = current_device();
  machine().streams.insert(*stream);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  GAVEL_EMULATED_CALL("cudaStreamDestroy");
  refuse_capture("cudaStreamDestroy", stream);
  if (stream == nullptr) return result(cudaErrorInvalidResourceHandle);
  machine().streams.erase(stream);
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaStreamGetDevice(cudaStream_t stream, int *device) {
  GAVEL_EMULATED_CALL("cudaStreamGetDevice");
  *device = stream == nullptr ? current_device() : stream_of(stream).device;
  return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  GAVEL_EMULATED_CALL("cudaStreamSynchronize");
  refuse_capture("cudaStreamSynchronize", stream);
  return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  GAVEL_EMULATED_CALL("cudaStreamQuery");
  refuse_capture("cudaStreamQuery", stream);
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus *status) {
  GAVEL_EMULATED_CALL("cudaStreamIsCapturing");
  *status = stream_of(stream).capture != nullptr ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  GAVEL_EMULATED_CALL("cudaStreamBeginCapture");
  if (stream == nullptr) return result(cudaErrorStreamCaptureUnsupported);
  CUstream_st &own = stream_of(stream);
  if (own.capture != nullptr) return result(cudaErrorInvalidValue);
  own.capture = std::make_shared<CUgraph_st>();
  own.began_capture = true;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t *graph) {
  GAVEL_EMULATED_CALL("cudaStreamEndCapture");
  CUstream_st &own = stream_of(stream);
  if (own.capture == nullptr || !own.began_capture) return result(cudaErrorInvalidValue);
  const std::shared_ptr<CUgraph_st> capture = own.capture;
  for (const cudaStream_t other : machine().streams) {
    if (other->capture == capture) {
      other->capture = nullptr;
      other->began_capture = false;
    }
  }
  *graph = new CUgraph_st(*capture);
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t *instance, cudaGraph_t graph, unsigned long long) {
  GAVEL_EMULATED_CALL("cudaGraphInstantiate");
  *instance = new CUgraphExec_st{graph->work};
  return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t instance, cudaStream_t stream) {
  GAVEL_EMULATED_CALL("cudaGraphLaunch");
  for (const std::function<void()> &work : instance->work) enqueue(stream_of(stream), work);
  return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t instance) {
  GAVEL_EMULATED_CALL("cudaGraphExecDestroy");
  delete instance;
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  GAVEL_EMULATED_CALL("cudaGraphDestroy");
  delete graph;
  return cudaSuccess;
}

namespace {

CUevent_st &event_of(cudaEvent_t event) {
  if (!machine().events.contains(event)) stop("the event %p is none, or was destroyed", static_cast<void *>(event));
  return *event;
}

}  // namespace

cudaError_t cudaEventCreateWithFlags(cudaEvent_t *event, unsigned) {
  GAVEL_EMULATED_CALL("cudaEventCreateWithFlags");
  *event = new CUevent_st;
  machine().events.insert(*event);
  return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t *event) {
  return cudaEventCreateWithFlags(event, cudaEventDefault);
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  GAVEL_EMULATED_CALL("cudaEventRecord");
  event_of(event).capture = stream_of(stream).capture;
  event->recorded = true;
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  GAVEL_EMULATED_CALL("cudaStreamWaitEvent");
  CUstream_st &own = stream_of(stream);
  // A stream that waits for a captured one is captured with it.
  if (event_of(event).capture != nullptr) {
    if (own.capture != nullptr && own.capture != event->capture) return result(cudaErrorStreamCaptureUnsupported);
    own.capture = event->capture;
  }
  return cudaSuccess;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  GAVEL_EMULATED_CALL("cudaEventSynchronize");
  if (event_of(event).capture != nullptr) stop("cudaEventSynchronize was called on an event of a capture");
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  GAVEL_EMULATED_CALL("cudaEventQuery");
  if (event_of(event).capture != nullptr) stop("cudaEventQuery was called on an event of a capture");
  return cudaSuccess;
}

cudaError_t cudaEventElapsedTime(float *milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  GAVEL_EMULATED_CALL("cudaEventElapsedTime");
  if (!event_of(begin).recorded || !event_of(end).recorded) return result(cudaErrorInvalidResourceHandle);
  *milliseconds = 0.0f;
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  GAVEL_EMULATED_CALL("cudaEventDestroy");
  event_of(event);
  machine().events.erase(event);
  delete event;
  return cudaSuccess;
}
