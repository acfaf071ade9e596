package dev.gavel.bench;

import dev.gavel.HostTensor;
import java.util.ArrayList;
import java.util.List;
import org.bytedeco.dnnl.IntMemoryMap;
import org.bytedeco.dnnl.engine;
import org.bytedeco.dnnl.global.dnnl;
import org.bytedeco.dnnl.matmul;
import org.bytedeco.dnnl.memory;
import org.bytedeco.dnnl.post_ops;
import org.bytedeco.dnnl.primitive_attr;
import org.bytedeco.dnnl.reorder;
import org.bytedeco.dnnl.stream;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.FloatPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerScope;

/**
 * The same in oneDNN, one matmul per layer: bias and swish fused, weights in the layout oneDNN asks
 * for, the hidden layer written in the case's storage, scores in f32.
 */
final class OneDnnHead implements Side {
  private final PointerScope kept = new PointerScope();
  private final BenchShape shape;
  private final engine cpu;
  private final stream queue;
  private final List<matmul> layers = new ArrayList<>();
  private final List<IntMemoryMap> arguments = new ArrayList<>();
  private final FloatPointer scores;

  OneDnnHead(HeadTensors tensors) {
    shape = tensors.shape;
    cpu = new engine(engine.kind.cpu, 0);
    queue = new stream(cpu);
    Pointer input = new BytePointer(tensors.hidden.segment().asByteBuffer());
    int depth = shape.width();
    if (shape.hidden() > 0) {
      long bytes = (long) shape.responses() * shape.hidden() * shape.dtype().bytes();
      Pointer between = new BytePointer(bytes);
      layer(tensors, "hidden.0", input, depth, shape.hidden(), between, type(tensors.hidden), true);
      input = between;
      depth = shape.hidden();
    }
    scores = new FloatPointer(shape.responses());
    layer(tensors, "output", input, depth, 1, scores, memory.data_type.f32, false);
  }

  @Override
  public String name() {
    return "onednn";
  }

  @Override
  public String storage() {
    return shape.storage();
  }

  @Override
  public void run() {
    for (int i = 0; i < layers.size(); i++) {
      layers.get(i).execute(queue, arguments.get(i));
    }
    queue._wait();
  }

  @Override
  public float[] results() {
    float[] copy = new float[shape.responses()];
    scores.get(copy);
    return copy;
  }

  @Override
  public void close() {
    kept.close();
  }

  private static memory.data_type type(HostTensor values) {
    return switch (values.dtype()) {
      case BF16 -> memory.data_type.bf16;
      case F16 -> memory.data_type.f16;
      default -> memory.data_type.f32;
    };
  }

  private void layer(
      HeadTensors tensors,
      String name,
      Pointer input,
      long depth,
      long outputs,
      Pointer output,
      memory.data_type outputType,
      boolean swish) {
    memory.data_type type = type(tensors.hidden);
    HostTensor weight = tensors.parameter(name + ".weight");
    long[] weightSizes = {depth, outputs};
    memory.desc source = desc(type, memory.format_tag.ab, shape.responses(), depth);
    memory.desc any = new memory.desc(weightSizes, type, memory.format_tag.any);
    memory.desc biased = desc(memory.data_type.f32, memory.format_tag.ab, 1, outputs);
    memory.desc target = desc(outputType, memory.format_tag.ab, shape.responses(), outputs);
    primitive_attr attributes = new primitive_attr();
    if (swish) {
      post_ops after = new post_ops();
      after.append_eltwise(dnnl.algorithm.eltwise_swish, 1, 0);
      attributes.set_post_ops(after);
    }
    matmul.primitive_desc description =
        new matmul.primitive_desc(cpu, source, any, biased, target, attributes, false);
    // Our weights are [out, in].
    memory plain =
        new memory(
            new memory.desc(weightSizes, type, memory.format_tag.ba),
            cpu,
            new BytePointer(weight.segment().asByteBuffer()));
    memory packed = new memory(description.weights_desc(), cpu);
    new reorder(plain, packed).execute(queue, plain, packed);
    queue._wait();
    IntMemoryMap map = new IntMemoryMap();
    map.put(dnnl.DNNL_ARG_SRC, new memory(source, cpu, input));
    map.put(dnnl.DNNL_ARG_WEIGHTS, packed);
    FloatPointer bias = new FloatPointer(tensors.parameter(name + ".bias").toFloats());
    map.put(dnnl.DNNL_ARG_BIAS, new memory(biased, cpu, bias));
    map.put(dnnl.DNNL_ARG_DST, new memory(target, cpu, output));
    layers.add(new matmul(description));
    arguments.add(map);
  }

  private static memory.desc desc(
      memory.data_type type, memory.format_tag tag, long rows, long columns) {
    return new memory.desc(new long[] {rows, columns}, type, tag);
  }
}
