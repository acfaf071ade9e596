package dev.gavel;

import java.util.Optional;

/**
 * What a {@link DeviceStep} keeps of its readout's gate: what the forward pass writes for the
 * backward pass, and what that writes.
 *
 * @param readout the readout whose gate it is
 * @param logits of the gate, f32 [R, outputs of the gate]
 * @param preactivations f32 [R, sum of widths], where the gate has hidden layers
 * @param gradients of the gate's parameters
 * @param scaleGradient f32 [1], where the gate has a scale
 * @param vectorGradients of the vectors the gate reads, where they are wanted
 */
record DeviceGate(
    Readout.GatedSum readout,
    DeviceTensor logits,
    Optional<DeviceTensor> preactivations,
    DeviceGradients gradients,
    Optional<DeviceTensor> scaleGradient,
    Optional<DeviceVectorGradients> vectorGradients) {

  static DeviceGate allocate(
      DeviceMemory memory, Readout.GatedSum readout, int responses, boolean withVectorGradients) {
    HeadSpec spec = readout.gate().spec();
    VectorGradients.Origin origin =
        readout.twoStreams()
            ? VectorGradients.Origin.LAST_AND_GATE_ROW
            : VectorGradients.Origin.GATE_ROW;
    return new DeviceGate(
        readout,
        memory.floats(responses, readout.gateOutputs()),
        spec.isLinear()
            ? Optional.empty()
            : Optional.of(memory.floats(responses, spec.preactivationWidth())),
        new DeviceGradients(spec, memory),
        readout.twoStreams() ? Optional.empty() : Optional.of(memory.floats(1)),
        withVectorGradients
            ? Optional.of(
                DeviceVectorGradients.allocate(memory, origin, responses, spec.inputWidth()))
            : Optional.empty());
  }
}
