/*
 * Copyright 2026 the Gavel authors. SPDX-License-Identifier: Apache-2.0
 *
 * gavel.h: the C interface of Gavel, native scoring with reward heads.
 *
 * Data flows one way:
 *   hidden states [T, H] -> (pooling) vectors [R, D] -> (head) logits [R, K] -> (readout) scores [R, S] -> loss, dscore
 *
 * Conventions, valid for every function unless it says otherwise:
 *  - A fallible function returns a status (0 = GAVEL_OK, negative = failure) and takes a caller-owned gavel_error last. The
 *    error may be NULL and is written only on failure. Nothing is thrown, printed or aborted across this interface.
 *  - A failing call writes to no output tensor it did not first prove valid; outputs of a call that fails are unspecified.
 *  - Every struct starts with struct_size, set by the caller to sizeof of the struct it was compiled with. Structs are flat
 *    and only ever grow at the end. A size the library does not know, or a reserved field that is not 0, is refused.
 *  - Tensors are described, never owned: the memory must stay valid until the call returns. Outputs must not overlap inputs
 *    or one another.
 *  - Sizes and indices are int64_t. Every product is overflow-checked, and no byte outside [data, data + byte_length) is touched.
 *  - Handles are created and destroyed in pairs. A child keeps its parent alive, so the order of destruction does not matter.
 *  - Numbers: storage f32, f16 or bf16; sums, losses and scores are f32. Denormal products and sums are flushed to zero, as the
 *    AMX unit does, on every instruction set. The bits of a score depend on its own rows, the head, the dtype, the device type and
 *    the version of this library: not on the batch, the position in it, the thread count, the alignment or the instruction set.
 *    GAVEL_MODE_FAST alone may give this up, on CUDA.
 *  - CUDA: a call on a CUDA context checks its arguments, enqueues its work on the stream it is given and returns; it allocates and
 *    waits for nothing, so it can be captured into a CUDA graph once gavel_stream_reserve has been called. Its tensors lie on the
 *    context's device or in pinned host memory and must stay valid until the work is done. What only the device can see (an index out
 *    of range, a gradient that is not finite) is a fault: the item's results are NaN, a step changes nothing, no byte outside the
 *    tensors is touched, and the next gavel_stream_synchronize of the stream fails with what was found.
 */
#ifndef GAVEL_GAVEL_H
#define GAVEL_GAVEL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised whenever a struct or a function changes in a way an older caller could notice. */
#define GAVEL_ABI_VERSION 3

/* ---- status ---------------------------------------------------------------------------------------------------------- */

enum {
  GAVEL_OK = 0,
  GAVEL_INVALID_ARGUMENT = -1, /* a value, shape, dtype or range is wrong; the message names it */
  GAVEL_UNSUPPORTED = -2,      /* well formed, but this build or this machine cannot do it */
  GAVEL_OUT_OF_HOST_MEMORY = -3,
  GAVEL_OUT_OF_DEVICE_MEMORY = -4,
  GAVEL_DEVICE_UNAVAILABLE = -5,
  GAVEL_DEVICE_LOST = -6,
  GAVEL_BUSY = -7,    /* the handle is in use by another call that excludes this one */
  GAVEL_INTERNAL = -8 /* a defect of this library */
};

#define GAVEL_OPERATION_CAPACITY 48
#define GAVEL_MESSAGE_CAPACITY 448

/* Filled on failure. Both texts are UTF-8, end with 0, and are cut at a character boundary where they would not fit. */
typedef struct gavel_error {
  uint32_t struct_size;
  int32_t status;
  int32_t vendor_code; /* code of a driver or system call, 0 where there is none */
  uint32_t reserved;
  char operation[GAVEL_OPERATION_CAPACITY]; /* the function that failed, e.g. "gavel_score" */
  char message[GAVEL_MESSAGE_CAPACITY];     /* what was asked, what was found, what to do */
} gavel_error;

/* ---- tensors --------------------------------------------------------------------------------------------------------- */

enum { GAVEL_NONE = 0, GAVEL_F32 = 1, GAVEL_F16 = 2, GAVEL_BF16 = 3, GAVEL_I32 = 4, GAVEL_I64 = 5, GAVEL_U8 = 6 };
/* Numbered as DLPack's kDLCPU, kDLCUDA and kDLCUDAHost. CUDA_HOST is pinned host memory, which both the CPU and every CUDA device
 * can read and write; it is no device of a context. */
enum { GAVEL_CPU = 1, GAVEL_CUDA = 2, GAVEL_CUDA_HOST = 3 };
enum { GAVEL_MAX_RANK = 4 };

/*
 * A view of caller-owned memory. device_type and device_id say where it lies: a CPU context takes CPU and CUDA_HOST (id 0 both), a
 * CUDA context CUDA with its own id, and CUDA_HOST. dtype = GAVEL_NONE (all other fields 0) means "absent" where a tensor is optional.
 * stride is in elements. The last dimension must be contiguous (stride 1) unless its length is at most 1; an outer stride must
 * be at least the inner extent for outputs (no overlap), and may be anything not negative for inputs.
 * Entries of shape and stride from rank on are 0. byte_length is what lies behind data; a walk outside it is refused. data must be
 * aligned to the dtype's size; it may be NULL where a dimension is 0.
 */
typedef struct gavel_tensor {
  uint32_t struct_size;
  int32_t dtype;
  int32_t device_type;
  int32_t device_id;
  int32_t rank;
  uint32_t reserved;
  int64_t shape[GAVEL_MAX_RANK];
  int64_t stride[GAVEL_MAX_RANK];
  void *data;
  int64_t byte_length;
} gavel_tensor;

/* ---- version --------------------------------------------------------------------------------------------------------- */

int32_t gavel_abi_version(void);
/* Version of the library, e.g. "0.1.0": a static string. */
const char *gavel_version(void);
/* Name of a status, e.g. "GAVEL_INVALID_ARGUMENT", or "unknown status": a static string. */
const char *gavel_status_name(int32_t status);

enum {
  GAVEL_STRUCT_ERROR = 1,
  GAVEL_STRUCT_TENSOR = 2,
  GAVEL_STRUCT_CONTEXT_OPTIONS = 3,
  GAVEL_STRUCT_CONTEXT_INFO = 4,
  GAVEL_STRUCT_HEAD_SPEC = 5,
  GAVEL_STRUCT_PARAMETER_INFO = 6,
  GAVEL_STRUCT_SCORE_ARGS = 7,
  GAVEL_STRUCT_LOSS_ARGS = 8,
  GAVEL_STRUCT_BACKWARD_ARGS = 9,
  GAVEL_STRUCT_SCATTER_ARGS = 10,
  GAVEL_STRUCT_OPTIMIZER_OPTIONS = 11,
  GAVEL_STRUCT_TOKEN_LOGPROB_ARGS = 12,
  GAVEL_STRUCT_TOKEN_LOGPROB_BACKWARD_ARGS = 13
};
/* sizeof the struct with this id as the library was compiled, or 0 for an unknown id. Bindings compare it at load. */
int64_t gavel_struct_size(int32_t struct_id);

/* ---- context --------------------------------------------------------------------------------------------------------- */

/* A device with its threads and scratch memory. Safe to use from many threads at once. */
typedef struct gavel_context gavel_context;

/* Ordered: each contains the ones before it. All give the same bits. */
enum {
  GAVEL_INSTRUCTION_SET_BEST = 0,
  GAVEL_INSTRUCTION_SET_SCALAR = 1,
  GAVEL_INSTRUCTION_SET_AVX2 = 2,   /* AVX2, FMA, F16C */
  GAVEL_INSTRUCTION_SET_AVX512 = 3, /* AVX-512 F, BW, DQ, VL */
  GAVEL_INSTRUCTION_SET_AMX = 4     /* AVX-512 as above, AMX-TILE, AMX-BF16, and leave of the operating system to use tiles */
};

enum {
  GAVEL_MODE_INVARIANT = 0, /* the bits of a score depend on nothing but what the head of this file names */
  GAVEL_MODE_FAST =
      1 /* CUDA: where a cuBLASLt is in use, it makes the products of 16-bit heads with hidden layers over 2048 items or
                         more. Scores then depend on the batch; gradients take dL/da rounded to TF32 (11 bits) into their products */
};

typedef struct gavel_context_options {
  uint32_t struct_size;
  int32_t device_type;     /* GAVEL_CPU or GAVEL_CUDA. CUDA opens libgavel_cuda.so beside this library, or the file named by the
                              environment variable GAVEL_CUDA_LIBRARY; without it, or without a driver or a device,
                              GAVEL_DEVICE_UNAVAILABLE says what was tried */
  int32_t device_id;       /* CPU: 0; CUDA: the device's number as the CUDA runtime counts */
  int32_t threads;         /* CPU: threads a call may use, the caller's own included: 1 to 256. CUDA: 1 */
  int32_t instruction_set; /* GAVEL_INSTRUCTION_SET_BEST, or one this machine has; a missing one is GAVEL_UNSUPPORTED. BEST is
                              lowered by the environment variable GAVEL_INSTRUCTION_SET = scalar | avx2 | avx512 | amx. CUDA: BEST */
  uint32_t reserved;
  int32_t mode; /* GAVEL_MODE_*; CPU: INVARIANT */
  uint32_t reserved2;
  const char *cublaslt; /* mode FAST: path or name of a cuBLASLt library of major version 12 or 13 to open, UTF-8; NULL: none is
                              used. One that cannot be opened, or of another version, is GAVEL_UNSUPPORTED */
} gavel_context_options;

typedef struct gavel_context_info {
  uint32_t struct_size;
  int32_t device_type;
  int32_t device_id;
  int32_t threads;
  int32_t instruction_set;      /* the one in use */
  int32_t best_instruction_set; /* the best this machine has */
  char device_name[64];         /* e.g. the processor's brand string */
  char detail[192]; /* CPU: why a higher instruction set is not in use; CUDA: driver and cuBLASLt in use. For people;
                                   may be empty */
  int32_t mode;
  int32_t compute_capability; /* CUDA: 10 major + minor, e.g. 90; CPU: 0. CUDA: instruction sets are 0 */
  int64_t memory_bytes;       /* CUDA: of the device; CPU: 0, as are the following */
  int64_t free_memory_bytes;  /* of the device, now */
  int64_t held_bytes;         /* device and pinned memory held by this context and its children, now */
} gavel_context_info;

int32_t gavel_context_create(const gavel_context_options *options, gavel_context **context, gavel_error *error);
/* NULL is allowed. The context lives on while children of it do. On CUDA its end waits for the work of streams that were destroyed before
 * theirs was done. */
void gavel_context_destroy(gavel_context *context);
/* Writes *info, whose struct_size the caller has set. */
int32_t gavel_context_describe(gavel_context *context, gavel_context_info *info, gavel_error *error);

/* ---- streams and buffers (CUDA) -------------------------------------------------------------------------------------- */

/* A CUDA stream with the scratch memory of the calls enqueued on it. Work on one stream runs in order. Safe to use from many threads,
 * one call at a time: a second one at the same moment is GAVEL_BUSY. Keeps its context alive. */
typedef struct gavel_stream gavel_stream;

/* A stream of its own, which does not wait for the default stream. CUDA contexts only. */
int32_t gavel_stream_create(gavel_context *context, gavel_stream **stream, gavel_error *error);
/* Uses the caller's cudaStream_t (NULL: the default stream), which must belong to the context's device and outlive the handle. */
int32_t gavel_stream_wrap(gavel_context *context, void *native_stream, gavel_stream **stream, gavel_error *error);
/* NULL is allowed. Work that was enqueued still runs; scratch memory is freed behind it. */
void gavel_stream_destroy(gavel_stream *stream);
/* The cudaStream_t, NULL where the handle is not one (or wraps the default stream). */
void *gavel_stream_native(gavel_stream *stream);
/* Makes the scratch memory at least this large. Needed before a capture, where nothing may be allocated: a call that finds too little
 * then fails and says how much it needs; outside one, calls grow it themselves. Memory a captured graph may use is kept until the
 * stream is destroyed. A graph works in the scratch memory of the stream it was captured on: replay it on that stream, or while no other
 * work of that stream runs, and one at a time; results are undefined otherwise. */
int32_t gavel_stream_reserve(gavel_stream *stream, int64_t bytes, gavel_error *error);
/* Waits until everything enqueued so far is done, then reports and clears the first fault of it (see the conventions above). */
int32_t gavel_stream_synchronize(gavel_stream *stream, gavel_error *error);
/* What is enqueued on `waiting` from now on runs after what is on `awaited` now. Same device. */
int32_t gavel_stream_wait(gavel_stream *waiting, gavel_stream *awaited, gavel_error *error);

/* Memory owned by the library. */
typedef struct gavel_buffer gavel_buffer;

/* device_type: GAVEL_CUDA (on the context's device) or GAVEL_CUDA_HOST. With a stream, device memory is allocated in its order and may
 * be used by later work on it only; NULL: at once. Not initialised, aligned to 256 bytes. bytes >= 0. */
int32_t gavel_buffer_create(gavel_context *context, int32_t device_type, int64_t bytes, gavel_stream *stream,
                            gavel_buffer **buffer, gavel_error *error);
/* NULL is allowed. Device memory made with a stream is freed behind the work enqueued on it; other memory is freed after waiting for the
 * device. */
void gavel_buffer_destroy(gavel_buffer *buffer);
/* Start of the memory, NULL where the handle is not one or bytes is 0. */
void *gavel_buffer_data(gavel_buffer *buffer);

/* target = source, both of one dtype and shape, each on CPU, CUDA_HOST or the context's device, rank 1 or 2 (rows may be padded).
 * Enqueued on the stream; host memory must stay valid until that is done. */
int32_t gavel_copy(gavel_context *context, const gavel_tensor *source, const gavel_tensor *target, gavel_stream *stream,
                   gavel_error *error);

/* ---- what a device can do -------------------------------------------------------------------------------------------- */

/*
 * Does the arithmetic that products in dtype (F32, F16 or BF16) are made of over registers alone, and says how many operations that was (a
 * multiplication and an addition are two). Timed by the caller, it is the most that a product can reach there, as no memory is read.
 * CPU: on the calling thread, with the products' instructions of the context's instruction set, a few of them a round.
 * CUDA: enqueued on the stream, on every multiprocessor; with rounds = 0, what is timed is a launch. rounds: 0 to 2^31 - 1.
 */
int32_t gavel_register_products(gavel_context *context, int32_t dtype, int64_t rounds, gavel_stream *stream,
                                int64_t *operations, gavel_error *error);

/* ---- reward head ----------------------------------------------------------------------------------------------------- */

/* A reward head with its own packed copy of the parameters. Many threads may score with it at once; gavel_optimizer_step on it
 * excludes every other call and answers GAVEL_BUSY instead of waiting, as do calls that meet a running step. */
typedef struct gavel_head gavel_head;

enum {
  GAVEL_HEAD_LINEAR = 1,
  GAVEL_HEAD_MLP = 2,
  GAVEL_HEAD_VOCAB_ROWS =
      3, /* LINEAR whose rows are those of an LM-head matrix, one per token that is asked for: no bias, no norm */
  GAVEL_HEAD_EXPERT_CONCAT =
      4 /* MLP over the vectors of `experts` backbones, one after another (DMoERM): hidden is [T, experts, H] */
};

/* Formulas and derivatives: torch.nn names. GELU is the erf form, GELU_TANH the tanh approximation: two different functions. */
enum {
  GAVEL_ACTIVATION_IDENTITY = 0,
  GAVEL_ACTIVATION_RELU = 1,
  GAVEL_ACTIVATION_LEAKY_RELU = 2, /* slope = negative_slope of the spec */
  GAVEL_ACTIVATION_PRELU = 3,      /* slope is a parameter */
  GAVEL_ACTIVATION_TANH = 4,
  GAVEL_ACTIVATION_GELU = 5,
  GAVEL_ACTIVATION_GELU_TANH = 6,
  GAVEL_ACTIVATION_SELU = 7,
  GAVEL_ACTIVATION_SILU = 8
};

enum {
  GAVEL_NORM_NONE = 0,
  GAVEL_NORM_RMS = 1,  /* y = x / sqrt(mean(x^2) + epsilon) * weight */
  GAVEL_NORM_LAYER = 2 /* y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * weight + bias */
};

enum {
  GAVEL_HEAD_HIDDEN_BIAS = 1u,      /* every hidden layer has a bias */
  GAVEL_HEAD_OUTPUT_BIAS = 2u,      /* the output layer has a bias */
  GAVEL_HEAD_NORM_BIAS = 4u,        /* LAYER norm has a bias */
  GAVEL_HEAD_SLOPE_PER_CHANNEL = 8u /* PRELU: slope is [width of the layer] instead of [1] */
};
enum { GAVEL_MAX_HIDDEN_LAYERS = 8 };

/*
 * vector y [D] -> norm -> hidden layers u = activation(W u + b) -> logits = output_scale * (W u + b) [K].
 * The vector after pooling and norm, and the input of every hidden layer but the first, is rounded once (nearest even) to the
 * head's dtype; the input of the output layer stays f32. Everything else is f32.
 */
typedef struct gavel_head_spec {
  uint32_t struct_size;
  int32_t kind;
  int32_t dtype;      /* storage of every parameter: GAVEL_F32, GAVEL_F16 or GAVEL_BF16 */
  int32_t activation; /* LINEAR, VOCAB_ROWS: must be IDENTITY */
  int32_t norm;
  uint32_t flags;        /* GAVEL_HEAD_* bits; a bit without a use in this spec is refused */
  float norm_epsilon;    /* > 0 with a norm (a denormal counts as 0), else 0 */
  float output_scale;    /* finite, not 0 (a denormal counts as 0); 1 for most published heads, 1/sqrt(H) for YOJO */
  float negative_slope;  /* LEAKY_RELU, else 0 */
  int32_t hidden_layers; /* LINEAR, VOCAB_ROWS: 0; MLP, EXPERT_CONCAT: 1 to GAVEL_MAX_HIDDEN_LAYERS */
  int64_t input_width;   /* D, 1 to 2^20 */
  int64_t output_width;  /* K, 1 to 2^16 */
  int64_t hidden_width[GAVEL_MAX_HIDDEN_LAYERS]; /* 1 to 2^20 each, unused ones 0 */
  int64_t experts; /* EXPERT_CONCAT: vectors of a response, 1 or more and a divisor of D; else 0 */
} gavel_head_spec;

/*
 * Parameters in their one canonical order, each only where the spec has it:
 *   norm.weight [D], norm.bias [D], then per hidden layer l: hidden.l.weight [out, in], hidden.l.bias [out],
 *   hidden.l.slope [1 or out], then output.weight [K, in], output.bias [K].
 */
typedef struct gavel_parameter_info {
  uint32_t struct_size;
  int32_t rank;
  int64_t shape[2];
  char name[32];
} gavel_parameter_info;

/* Number of parameters of a spec (1 to 28), or a negative status where the spec is not valid. */
int32_t gavel_head_parameter_count(const gavel_head_spec *spec, gavel_error *error);
/* Name and shape of parameter `index`. Writes *info, whose struct_size the caller has set. */
int32_t gavel_head_parameter_info(const gavel_head_spec *spec, int32_t index, gavel_parameter_info *info, gavel_error *error);

/* Copies and packs the parameters, given in canonical order as tensors of the spec's dtype in host memory (CPU or CUDA_HOST); the caller
 * keeps its memory. On CUDA the call waits until the copy is done. A head is used with contexts of its own device only. */
int32_t gavel_head_create(gavel_context *context, const gavel_head_spec *spec, const gavel_tensor *parameters,
                          int32_t parameter_count, gavel_head **head, gavel_error *error);
void gavel_head_destroy(gavel_head *head);
/* Copies parameter `index` as it is now (after optimizer steps, too) into a host tensor of its shape and the head's dtype. On CUDA the
 * call waits for all work enqueued on the device. */
int32_t gavel_head_read(gavel_head *head, int32_t index, const gavel_tensor *parameter, gavel_error *error);

/* ---- pooling, readout ------------------------------------------------------------------------------------------------ */

enum {
  GAVEL_POOLING_INDEX = 1,        /* y = X[last] */
  GAVEL_POOLING_FIRST_LAST = 2,   /* X[first], X[last] combined; D = 2H with CONCAT */
  GAVEL_POOLING_SPAN_MEAN = 3,    /* y = mean of X[first..last], both inclusive; long spans are added in blocks */
  GAVEL_POOLING_ALL = 4,          /* y = X[r] for every row r: R = T, without first and last */
  GAVEL_POOLING_TOKEN_LOGPROB = 5 /* has a call of its own, gavel_token_logprob: it reads a vocabulary instead of a head */
};
enum {
  GAVEL_COMBINE_NONE = 0,
  GAVEL_COMBINE_CONCAT = 1, /* [X[first]; X[last]] */
  GAVEL_COMBINE_ADD = 2,    /* X[first] + X[last] */
  GAVEL_COMBINE_SUB = 3     /* X[last] - X[first] */
};
/*
 * How the logits z [K] of an item become its scores [S]. Three of them take the logits in groups of readout_width w neighbours and make one
 * number of each group, with p = softmax of the group. Two mix objectives r [O], which the logits are, or are made into group by group
 * (readout_objectives). Exponentials are relative to the largest logit, so nothing overflows.
 *
 * IDENTITY       z                                                             S = K
 * AFFINE         (z - readout_mean) / readout_deviation                        S = K
 * SIGMOID        1 / (1 + e^-z)                                                S = K
 * CLASS_PROB     p_c, c = readout_class, of each group                         S = K / w
 * EXPECTATION    of the levels v = readout_levels [w], for each group          S = K / w
 *                  MEAN m = sum v_k p_k;  VARIANCE sum (v_k - m)^2 p_k;  TOP_LEVEL v_t p_t, t the first of the likeliest
 * QUANTILE_MEAN  mean of each group                                            S = K / w
 * WEIGHTED_SUM   sum of readout_weights_k r_k                                  S = 1
 * GATED_SUM      with the logits g of a second head, the gate, which the same call runs; q = r, or q = r C with C = gate_transform (q_k =
 *                sum_j r_j C[j][k])                                            S = 1
 *                  SOFTMAX (ArmoRM) gate_scale sum_k softmax(g / gate_temperature)_k q_k;  LINEAR gate_scale sum_k g_k q_k
 *                  TWO_STREAM (BiPRM) a z + (1 - a) z', a = 1 / (1 + e^-g): K = 1, z at row `last`, z' at row `gate_index`
 *
 * On CUDA the numbers in tensors are looked at by the kernels: one that is not finite is reported by the next gavel_stream_synchronize.
 */
enum {
  GAVEL_READOUT_IDENTITY = 0,
  GAVEL_READOUT_AFFINE = 1,
  GAVEL_READOUT_SIGMOID = 2,
  GAVEL_READOUT_CLASS_PROB = 3,
  GAVEL_READOUT_EXPECTATION = 4,
  GAVEL_READOUT_QUANTILE_MEAN = 5,
  GAVEL_READOUT_WEIGHTED_SUM = 6,
  GAVEL_READOUT_GATED_SUM = 7,
  GAVEL_READOUT_LOG_RATIO = 8 /* beta * pooled log-probabilities; gavel_token_logprob alone */
};
enum {
  GAVEL_EXPECTATION_MEAN = 1,
  GAVEL_EXPECTATION_VARIANCE = 2,
  GAVEL_EXPECTATION_TOP_LEVEL = 3 /* as VideoScore2 reads out its digits */
};
enum { GAVEL_GATE_SOFTMAX = 1, GAVEL_GATE_TWO_STREAM = 2, GAVEL_GATE_LINEAR = 3 };

/* ---- losses ---------------------------------------------------------------------------------------------------------- */

enum {
  GAVEL_LOSS_BRADLEY_TERRY = 1,
  GAVEL_LOSS_CROSS_ENTROPY = 2,
  GAVEL_LOSS_PLACKETT_LUCE = 3,
  GAVEL_LOSS_PAIRWISE_RANKING = 4,
  GAVEL_LOSS_MSE = 5,
  GAVEL_LOSS_BCE = 6,
  GAVEL_LOSS_STEP_RANKING = 7,
  GAVEL_LOSS_ORDINAL = 8,
  GAVEL_LOSS_PINBALL = 9
};
enum {
  GAVEL_REDUCTION_NONE = 0,       /* no scalar; dscore is the gradient of the sum of the items */
  GAVEL_REDUCTION_MEAN_VALID = 1, /* sum over items / number of valid items; 0 where there is none */
  GAVEL_REDUCTION_SUM = 2,
  GAVEL_REDUCTION_WEIGHTED_MEAN = 3 /* sum over items / sum of the weights of valid items; 0 where that is 0 */
};

/*
 * One loss over scores s [N] (f32), its items, reduction and gradient; inside gavel_score N = R S, row by row. CPU and CUDA give the same
 * bits; on CUDA N and the items are at most 2^30 and a group of PAIRWISE_RANKING has at most 65536 entries, more is GAVEL_UNSUPPORTED.
 * Items are pairs, groups or scores; their formulas, with sp(x) = max(x, 0) + log1p(exp(-|x|)) and LSE the log of the sum of exponentials:
 *
 * BRADLEY_TERRY, pair (i, j) = (chosen, rejected), i != j, z = beta (s_i - s_j) - margin:
 *     weight ((1 - e) sp(-z) + e sp(z)) + center (s_i + s_j)^2        e = label_smoothing
 *   a tie pair (tie_mask != 0) has  weight tie (s_i - s_j)^2  instead of the first term. A pair is invalid, has loss and gradient 0
 *   and does not count, where mask is 0 at i or j.
 * CROSS_ENTROPY, group g = scores offsets[g] .. offsets[g+1]-1 with mask, temperature T, targets t:
 *     weight (sum_n t_n LSE(s/T over valid) - sum_n t_n s_n/T)        t one-hot from target_index, or target_weights
 *   A target on a masked entry is an error. A group with fewer than two valid entries has loss and gradient 0, is not counted as
 *   valid, and is counted in skipped; its target is not looked at. Soft targets are used as given, not normalised; each must be
 *   finite and >= 0.
 * PLACKETT_LUCE (Plackett 1975, Luce 1959), group g with ranks (1 is best; only their order matters, and no two valid entries may have
 *   the same), z_1, z_2, ... the valid s/T in that order, places k = 1 .. min(top_k, their number), all where top_k is 0:
 *     weight sum_k (LSE(z_k, z_k+1, ...) - z_k)                       skipped: fewer than two valid entries
 * PAIRWISE_RANKING, group g with ranks (ties allowed), over its pairs of valid entries (i, j) with rank_i < rank_j:
 *     weight mean sp(-beta (s_i - s_j))                               skipped: a group without such a pair
 * STEP_RANKING (PQM, Li and Li 2024), group g = the steps of a response in order, label 1 = correct, 0 = wrong, c the correct ones:
 *     weight ([a step is wrong] D_0 + sum_c (D_c - s_c)) / ([a step is wrong] + number of correct steps)
 *     D_0 = LSE(0, s_w + zeta over the wrong w), D_c = LSE(D_0, s_q over the correct q <= c)    skipped: no valid entry
 * MSE, BCE, PINBALL: every score n is an item, with targets y:
 *     MSE weight (s - y)^2    BCE weight (positive_weight y sp(-s) + (1 - y) sp(s)), y in [0, 1]
 *     PINBALL weight max(quantile (y - s), (quantile - 1) (y - s)), where y = s with the gradient of y < s
 *   A score that is masked, or whose target is NaN, is not counted as valid and is counted in skipped.
 * ORDINAL (OPRM), pair (i, j) = (chosen, rejected) of rows of `classes` scores each, p = softmax of a row, A = admissible [K, K] >= 0 with
 *   A[a][b] the weight of the chosen one at level a and the rejected one at level b; absent: 1 where a > b, else 0:
 *     -weight log(sum_ab A[a][b] p_i[a] p_j[b])                       N = rows K; skipped: an entry of either row is masked
 *
 * Gradients are of the reduced loss and exactly 0 for masked scores. dscore is overwritten, not added to.
 * Scalars apply to every item unless the tensor of the same name (f32, one value per item) is present.
 * A tensor that has no use in the call (offsets with BRADLEY_TERRY, tie_values without tie_mask) is refused.
 */
typedef struct gavel_loss_args {
  uint32_t struct_size;
  int32_t kind;
  int32_t reduction;
  uint32_t reserved;
  float weight;          /* >= 0 */
  float beta;            /* BRADLEY_TERRY, PAIRWISE_RANKING: > 0, else 0, as are the following */
  float margin;          /* BRADLEY_TERRY */
  float label_smoothing; /* BRADLEY_TERRY: 0 to 1 */
  float center;          /* BRADLEY_TERRY: >= 0 */
  float tie;             /* BRADLEY_TERRY: >= 0 */
  float temperature;     /* CROSS_ENTROPY, PLACKETT_LUCE: > 0, else 0 */
  uint32_t reserved2;
  gavel_tensor scores;         /* f32 [N]; absent inside gavel_score, which uses its own */
  gavel_tensor mask;           /* u8 [N], optional: 0 = invalid */
  gavel_tensor pairs;          /* BRADLEY_TERRY, ORDINAL (of rows): i64 [P, 2] */
  gavel_tensor tie_mask;       /* BRADLEY_TERRY: u8 [P], optional */
  gavel_tensor offsets;        /* losses over groups: i64 [G + 1], from 0 to N, not falling */
  gavel_tensor target_index;   /* CROSS_ENTROPY: i64 [G], position inside the group; exactly one of the two targets */
  gavel_tensor target_weights; /* CROSS_ENTROPY: f32 [N] */
  gavel_tensor weight_values;  /* f32 [items], optional, as are the following */
  gavel_tensor beta_values;
  gavel_tensor margin_values;
  gavel_tensor label_smoothing_values;
  gavel_tensor center_values;
  gavel_tensor tie_values;
  gavel_tensor temperature_values;
  gavel_tensor item_loss; /* out, optional: f32 [items], before reduction */
  gavel_tensor loss;      /* out, optional: f32 [1]; absent with GAVEL_REDUCTION_NONE */
  gavel_tensor dscore;    /* out, optional: f32 [N] */
  gavel_tensor counts;    /* out, optional: i64 [2]: valid items, skipped items */
  gavel_stream *stream;   /* CUDA: where to enqueue; CPU, and inside gavel_score: NULL */
  float zeta;             /* STEP_RANKING: margin of the wrong steps, else 0, as are the following */
  float positive_weight;  /* BCE: >= 0 */
  float quantile;         /* PINBALL: above 0, below 1 */
  uint32_t reserved3;
  int64_t top_k;   /* PLACKETT_LUCE: >= 0 */
  int64_t classes; /* ORDINAL: levels K of a row, 2 to 4096 */
  gavel_tensor zeta_values;
  gavel_tensor positive_weight_values;
  gavel_tensor quantile_values;
  gavel_tensor ranks;      /* PLACKETT_LUCE, PAIRWISE_RANKING: i64 [N] */
  gavel_tensor labels;     /* STEP_RANKING: u8 [N] */
  gavel_tensor targets;    /* MSE, BCE, PINBALL: f32 [N] */
  gavel_tensor admissible; /* ORDINAL: f32 [K, K], optional */
} gavel_loss_args;

/* Losses alone, on scores the caller has. */
int32_t gavel_loss(gavel_context *context, const gavel_loss_args *args, gavel_error *error);
/* As gavel_score_workspace. */
int32_t gavel_loss_workspace(gavel_context *context, const gavel_loss_args *args, int64_t *bytes, gavel_error *error);

/* ---- score ----------------------------------------------------------------------------------------------------------- */

/*
 * Gathers, pools, runs the head, reads out, in one call.
 * Item r is invalid where an index it needs is -1 or its span is empty (last < first): its logits and scores are -inf, it is counted,
 * and a loss in the same call masks it. Any other index outside [0, T) is an error and nothing is scored.
 * NaN in a needed row makes that item's scores NaN (bits 0x7fc00000) and no other; it is counted.
 */
typedef struct gavel_score_args {
  uint32_t struct_size;
  int32_t pooling;
  int32_t combine; /* FIRST_LAST, else GAVEL_COMBINE_NONE */
  int32_t readout;
  float readout_mean;      /* AFFINE, else 0 */
  float readout_deviation; /* AFFINE: finite, not 0 (a denormal counts as 0); else 0 */
  uint32_t reserved;
  uint32_t reserved2;
  gavel_tensor hidden;  /* f32, f16 or bf16 [T, H]: the head's dtype, or any of them where the head is f32 (exact).
                                  EXPERT_CONCAT: [T, experts, H], pooling INDEX; the vectors of a response follow one another without gaps */
  gavel_tensor first;   /* i64 [R]: FIRST_LAST and SPAN_MEAN, else absent */
  gavel_tensor last;    /* i64 [R]; ALL: absent */
  gavel_tensor scores;  /* out: f32 [R, S] */
  gavel_tensor logits;  /* out, optional: f32 [R, K]; TWO_STREAM, here and in the next two: of row `last`, then of `gate_index`,
                                  twice as many columns */
  gavel_tensor vectors; /* out, optional: f32 [R, D], pooled, before the norm; 0 for invalid items */
  gavel_tensor preactivations; /* out, optional: f32 [R, sum of hidden widths], what gavel_backward needs; 0 for invalid items;
                                  absent for a head without hidden layers */
  gavel_tensor counts;         /* out, optional: i64 [2]: invalid items, items with a NaN score */
  gavel_stream *stream;        /* CUDA: where to enqueue; CPU: NULL */
  /* What the readouts above IDENTITY, AFFINE and SIGMOID are told; 0 and absent where a readout does not read it. */
  int64_t readout_width;        /* w: CLASS_PROB, EXPECTATION 2 or more, QUANTILE_MEAN 1 or more; a divisor of K */
  int32_t readout_class;        /* CLASS_PROB: 0 to w - 1 */
  int32_t readout_statistic;    /* EXPECTATION: GAVEL_EXPECTATION_* */
  int32_t readout_objectives;   /* WEIGHTED_SUM, GATED_SUM but TWO_STREAM: GAVEL_READOUT_IDENTITY (r = z, O = K), or CLASS_PROB,
                                         EXPECTATION or QUANTILE_MEAN with what they are told (O = K / w) */
  int32_t gate_form;            /* GATED_SUM: GAVEL_GATE_* */
  float gate_temperature;       /* SOFTMAX: > 0 */
  float gate_scale;             /* SOFTMAX, LINEAR: finite, not 0 (a denormal counts as 0) */
  gavel_tensor readout_levels;  /* EXPECTATION: f32 [w], finite */
  gavel_tensor readout_weights; /* WEIGHTED_SUM: f32 [O], finite */
  gavel_tensor gate_transform;  /* SOFTMAX, LINEAR: f32 [O, O], finite, optional */
  gavel_head *gate;          /* GATED_SUM: O outputs (SOFTMAX: 2 or more) over X[gate_index], D = H; TWO_STREAM: one output over
                                         [X[last]; X[gate_index]], D = 2H, pooling INDEX. A head whose dtype hidden fits; neither it nor
                                         the head itself EXPERT_CONCAT */
  gavel_tensor gate_index;   /* GATED_SUM: i64 [R], of hidden; -1 makes the item invalid */
  gavel_tensor objectives;   /* out, optional: f32 [R, O], r; WEIGHTED_SUM, GATED_SUM but TWO_STREAM; -inf for invalid items */
  gavel_tensor gate_weights; /* out, optional: f32 [R, O], what multiplies q, gate_scale included; TWO_STREAM: [R, 1], a;
                                         0 for invalid items */
  gavel_tensor gate_logits;  /* out, optional: f32 [R, outputs of the gate]; -inf for invalid items */
  gavel_tensor gate_preactivations; /* out, optional: as preactivations, of the gate */
} gavel_score_args;

/* `loss` may be NULL; with it the call also returns the loss of these scores and dscore. args.scores then has no gaps between rows where
 * S > 1. */
int32_t gavel_score(gavel_context *context, gavel_head *head, const gavel_score_args *args, const gavel_loss_args *loss,
                    gavel_error *error);
/* Scratch bytes of the stream that this call needs on CUDA, for gavel_stream_reserve; on CPU 0. Checks what gavel_score checks. */
int32_t gavel_score_workspace(gavel_context *context, gavel_head *head, const gavel_score_args *args,
                              const gavel_loss_args *loss, int64_t *bytes, gavel_error *error);

/* ---- token log-probabilities ------------------------------------------------------------------------------------------- */

/* The output matrix of a language model (lm_head.weight [V, H]: row v makes the logit of token v) with its own packed copy. Never
 * changes; many threads may use it at once, with every context of its device. Keeps its context alive. */
typedef struct gavel_vocabulary gavel_vocabulary;

/* Copies and packs `weight`: f32, f16 or bf16 [V, H] in host memory, V from 1 to 2^24, H from 1 to 2^20; the caller keeps its memory. The
 * logits are the products alone: of a model that adds a bias, scales its logits or caps them, give gavel_token_logprob the logits. */
int32_t gavel_vocabulary_create(gavel_context *context, const gavel_tensor *weight, gavel_vocabulary **vocabulary,
                                gavel_error *error);
/* NULL is allowed. */
void gavel_vocabulary_destroy(gavel_vocabulary *vocabulary);

/* How the log-probabilities of a span become one number; n of them are not masked. */
enum {
  GAVEL_LOGPROB_SUM = 1,
  GAVEL_LOGPROB_MEAN = 2,     /* sum / n */
  GAVEL_LOGPROB_MIN = 3,      /* the least; of equals the first */
  GAVEL_LOGPROB_MEAN_PROB = 4 /* mean of e^logprob: CRew's mean probability of the answer's tokens */
};

/*
 * Pooling TOKEN_LOGPROB and its readout: log-probabilities of given tokens, their pooling over spans, scores and a loss, in one call.
 *
 *   z_t = logits of row t [V]              hidden states times the vocabulary, or logits the caller has
 *   logprob_t = z_t[y_t] - LSE(z_t)        y = targets: the token that row t predicts, in most models the one at t + 1
 *   d_t = logprob_t - reference_t          logprob_t where there is no reference
 *   pooled = SUM, MEAN or MIN of d_t, or MEAN_PROB of logprob_t, over t in [first, last] with mask_t != 0
 *   score = pooled (IDENTITY) or beta * pooled (LOG_RATIO)
 *
 * With SUM and LOG_RATIO the score is the implicit reward beta sum mask (log p - log p_ref) of "Free Process Rewards without Process
 * Labels" (arXiv 2412.01981). Its step values are scores of spans: from the response's first row to each step's end (cumulative), or
 * from behind the previous step to its end (single). Spans may overlap; a row is computed once.
 *
 * Logits are never stored: LSE runs over chunks of 1024 tokens in the order of the vocabulary. Chunk c has the largest logit m_c and s_c =
 * sum e^(z - m_c) in dot order; M = max m_c; S = sum s_c e^(m_c - M), neighbours added first, then neighbouring sums, and so on;
 * logprob = (z[y] - M) - log S, never above 0. Sums over a span are added in that order, too, masked rows left out. A logit of -inf has
 * probability 0; rows with +inf, with NaN, or with nothing but -inf have the log-probability NaN.
 *
 * Only rows that some span needs and the mask lets through are computed; only their targets are looked at. A target outside [0, V) there is
 * an error. Item r is invalid where first or last is -1, last < first, or no row of the span is let through: its score is -inf, it is
 * counted, and a loss in the same call masks it. Without spans (first, last, scores, counts absent, no loss, reduce and readout 0) the
 * call computes logprobs alone, of every row that the mask lets through.
 *
 * On CUDA a target out of range is reported by the next gavel_stream_synchronize, and the log-probability is NaN; from the same logits the bits
 * are the CPU's.
 */
typedef struct gavel_token_logprob_args {
  uint32_t struct_size;
  int32_t reduce;  /* GAVEL_LOGPROB_* */
  int32_t readout; /* GAVEL_READOUT_IDENTITY, or GAVEL_READOUT_LOG_RATIO (not with MEAN_PROB) */
  float beta;      /* LOG_RATIO: finite and at least 2^-126, else 0 */
  gavel_tensor
      hidden; /* final hidden states [T, H], after the model's last norm: the vocabulary's dtype, or any where that is f32 */
  gavel_tensor logits;             /* or: f32, f16 or bf16 [T, V] */
  gavel_tensor policy_logprobs;    /* or: f32 [T], log-probabilities the caller has */
  gavel_tensor targets;            /* i64 [T]; absent with policy_logprobs */
  gavel_tensor mask;               /* u8 [T], optional: 0 = left out */
  gavel_tensor reference_logprobs; /* f32 [T], optional: of the reference model; not with MEAN_PROB */
  gavel_tensor first;              /* i64 [R] */
  gavel_tensor last;               /* i64 [R] */
  gavel_tensor logprobs;           /* out, optional: f32 [T]; 0 for rows that are not computed */
  gavel_tensor scores;             /* out: f32 [R] */
  gavel_tensor counts;             /* out, optional: i64 [2]: invalid items, items with a NaN score */
  gavel_stream *stream;            /* CUDA: where the work is enqueued; NULL on the CPU */
} gavel_token_logprob_args;

/* vocabulary: NULL without args.hidden. `loss` may be NULL; with it the call also returns the loss of these scores and dscore. */
int32_t gavel_token_logprob(gavel_context *context, gavel_vocabulary *vocabulary, const gavel_token_logprob_args *args,
                            const gavel_loss_args *loss, gavel_error *error);
/* As gavel_score_workspace. */
int32_t gavel_token_logprob_workspace(gavel_context *context, gavel_vocabulary *vocabulary,
                                      const gavel_token_logprob_args *args, const gavel_loss_args *loss, int64_t *bytes,
                                      gavel_error *error);

/* dlogprobs [T] = gradient of the log-probabilities, from dscore. Fields as in the call whose backward this is. Items add to a row in their
 * order; rows of no item, and masked ones, are exactly 0. The reference is a constant. MIN's gradient goes to the first least row. */
typedef struct gavel_token_logprob_backward_args {
  uint32_t struct_size;
  int32_t reduce;
  int32_t readout;
  float beta;
  gavel_tensor mask;
  gavel_tensor first;
  gavel_tensor last;
  gavel_tensor logprobs;           /* f32 [T]: what gavel_token_logprob returned; needed with MIN and MEAN_PROB, else absent */
  gavel_tensor reference_logprobs; /* f32 [T]: with MIN, where the call had them, else absent */
  gavel_tensor dscore;             /* f32 [R] */
  gavel_tensor dlogprobs;          /* out: f32 [T] */
  gavel_stream *stream;            /* CUDA: where the work is enqueued; NULL on the CPU */
} gavel_token_logprob_backward_args;

int32_t gavel_token_logprob_backward(gavel_context *context, const gavel_token_logprob_backward_args *args, gavel_error *error);
/* As gavel_score_workspace. */
int32_t gavel_token_logprob_backward_workspace(gavel_context *context, const gavel_token_logprob_backward_args *args,
                                               int64_t *bytes, gavel_error *error);

/* ---- backward -------------------------------------------------------------------------------------------------------- */

/*
 * Gradients of the parameters and, optionally, of the pooled vectors, from dscore. Fields as in the gavel_score call whose
 * backward this is. Invalid items contribute exactly 0, as if they were not in the batch. Sums over items run over fixed chunks of
 * rows in order: the same batch gives the same bits whatever the threads and the instruction set. Where the forward call rounds to
 * 16 bits, gradients are taken at the rounded value and pass through as if it were not rounded (straight-through).
 */
typedef struct gavel_backward_args {
  uint32_t struct_size;
  int32_t pooling;
  int32_t combine;
  int32_t readout;
  float readout_mean;
  float readout_deviation;
  int32_t accumulate; /* 0: gradients are overwritten, 1: added to (dvectors is always overwritten) */
  uint32_t reserved;
  gavel_tensor hidden;
  gavel_tensor first;
  gavel_tensor last;
  gavel_tensor scores;         /* f32 [R, S]: needed with SIGMOID, else absent */
  gavel_tensor preactivations; /* f32, as gavel_score wrote them; absent for a head without hidden layers */
  gavel_tensor dscore;         /* f32 [R, S] */
  gavel_tensor dvectors;       /* out, optional: f32 [R, D]; TWO_STREAM: [R, 2D], of row `last`, then of `gate_index` */
  gavel_stream *stream;        /* CUDA: where to enqueue; CPU: NULL */
  int64_t readout_width;
  int32_t readout_class;
  int32_t readout_statistic;
  int32_t readout_objectives;
  int32_t gate_form;
  float gate_temperature;
  float gate_scale;
  gavel_tensor readout_levels;
  gavel_tensor readout_weights;
  gavel_tensor gate_transform;
  gavel_head *gate;
  gavel_tensor gate_index;
  gavel_tensor logits;      /* f32, as gavel_score wrote them: CLASS_PROB, EXPECTATION, WEIGHTED_SUM of either, GATED_SUM */
  gavel_tensor gate_logits; /* f32, as gavel_score wrote them: GATED_SUM */
  gavel_tensor gate_preactivations; /* f32, as gavel_score wrote them: GATED_SUM whose gate has hidden layers */
  gavel_tensor dgate_vectors; /* out, optional: f32 [R, D of the gate]. Nothing of it is in dvectors: without it the gate does
                                           not reach the backbone (as BiPRM detaches it) */
  gavel_tensor dgate_scale;   /* out, optional: f32 [1], of gate_scale; accumulate holds for it, too */
  const gavel_tensor *gate_gradients; /* GATED_SUM: as gradients, of the gate; NULL (and count 0) for none */
  int32_t gate_gradient_count;
  uint32_t reserved2;
} gavel_backward_args;

/* gradients: one f32 tensor per parameter in canonical order; an absent one (dtype GAVEL_NONE) is not computed. */
int32_t gavel_backward(gavel_context *context, gavel_head *head, const gavel_backward_args *args, const gavel_tensor *gradients,
                       int32_t gradient_count, gavel_error *error);
/* As gavel_score_workspace. */
int32_t gavel_backward_workspace(gavel_context *context, gavel_head *head, const gavel_backward_args *args,
                                 const gavel_tensor *gradients, int32_t gradient_count, int64_t *bytes, gavel_error *error);

/* dhidden [T, H] += the transpose of the pooling applied to dvectors [R, D], item by item in order. */
typedef struct gavel_scatter_args {
  uint32_t struct_size;
  int32_t pooling;
  int32_t combine;
  uint32_t reserved;
  gavel_tensor first;
  gavel_tensor last;
  gavel_tensor dvectors; /* f32 [R, D] */
  gavel_tensor dhidden;  /* in and out: f32 [T, H] */
  gavel_stream *stream;  /* CUDA: where to enqueue; CPU: NULL */
} gavel_scatter_args;

int32_t gavel_scatter(gavel_context *context, const gavel_scatter_args *args, gavel_error *error);

/* ---- optimizer ------------------------------------------------------------------------------------------------------- */

/* AdamW (Loshchilov and Hutter 2019, arithmetic as torch.optim.AdamW) with f32 master weights and moments. Safe to use from many
 * threads; a call that meets another one which excludes it is GAVEL_BUSY. */
typedef struct gavel_optimizer gavel_optimizer;

typedef struct gavel_optimizer_options {
  uint32_t struct_size;
  float learning_rate;       /* >= 0 */
  float beta1;               /* [0, 1) */
  float beta2;               /* [0, 1) */
  float epsilon;             /* > 0 */
  float matrix_weight_decay; /* >= 0, decoupled, for parameters of rank 2 */
  float vector_weight_decay; /* >= 0, for biases, norms and slopes */
  uint32_t reserved;
} gavel_optimizer_options;

enum { GAVEL_OPTIMIZER_MASTER = 1, GAVEL_OPTIMIZER_FIRST_MOMENT = 2, GAVEL_OPTIMIZER_SECOND_MOMENT = 3 };

/* Masters start as the head's parameters, moments as 0. */
int32_t gavel_optimizer_create(gavel_head *head, const gavel_optimizer_options *options, gavel_optimizer **optimizer,
                               gavel_error *error);
void gavel_optimizer_destroy(gavel_optimizer *optimizer);
/* One step with these gradients (f32, canonical order; an absent one leaves its parameter alone) at this learning rate, then the
 * head's parameters become the masters rounded to nearest even (beyond the range of f16: an infinity). A gradient that is not
 * finite is refused, and nothing changes. stream: CUDA: where to enqueue; CPU: NULL. */
int32_t gavel_optimizer_step(gavel_optimizer *optimizer, const gavel_tensor *gradients, int32_t gradient_count,
                             float learning_rate, gavel_stream *stream, gavel_error *error);
/* Copies a state (f32, the parameter's shape) to or, for a resumed run, from host memory; on CUDA these and the step count wait for all
 * work enqueued on the device. Writing a master also sets the head's parameter. Values
 * must be finite, second moments not negative. */
int32_t gavel_optimizer_read(gavel_optimizer *optimizer, int32_t state, int32_t index, const gavel_tensor *values,
                             gavel_error *error);
int32_t gavel_optimizer_write(gavel_optimizer *optimizer, int32_t state, int32_t index, const gavel_tensor *values,
                              gavel_error *error);
/* Steps taken, -1 where the handle is not one; set_step_count (0 to 2^53) is for a resumed run. */
int64_t gavel_optimizer_step_count(gavel_optimizer *optimizer);
int32_t gavel_optimizer_set_step_count(gavel_optimizer *optimizer, int64_t step_count, gavel_error *error);

#ifdef __cplusplus
}
#endif

#endif /* GAVEL_GAVEL_H */
