package dev.gavel.bench;

import ai.djl.Application;
import ai.djl.ModelException;
import ai.djl.huggingface.tokenizers.Encoding;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.Batchifier;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorContext;
import ai.djl.util.PairList;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.langchain4j.data.segment.TextSegment;
import dev.langchain4j.model.scoring.onnx.OnnxScoringModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Other libraries that score pairs of texts with an ONNX graph, given the same graph. */
final class PairScorers {
  private static final int CONTEXT = 512;

  private PairScorers() {}

  /** Scores rows, response by response. */
  interface Scorer extends AutoCloseable {
    List<Double> score(List<TextRow> rows);

    @Override
    void close();
  }

  /**
   * langchain4j's OnnxScoringModel.
   *
   * @param together all responses of a prompt in one padded batch, else one pair at a time
   */
  static Scorer langchain4j(Path graph, Path tokenizer, int threads, boolean together)
      throws OrtException {
    OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    options.setIntraOpNumThreads(threads);
    OnnxScoringModel model =
        new OnnxScoringModel(graph.toString(), options, tokenizer.toString(), CONTEXT, false);
    return new Scorer() {
      @Override
      public List<Double> score(List<TextRow> rows) {
        List<Double> scores = new ArrayList<>();
        for (TextRow row : rows) {
          List<TextSegment> segments = row.responses().stream().map(TextSegment::from).toList();
          if (together) {
            scores.addAll(model.scoreAll(segments, row.prompt()).content());
          } else {
            segments.forEach(
                segment -> scores.addAll(model.scoreAll(List.of(segment), row.prompt()).content()));
          }
        }
        return scores;
      }

      @Override
      public void close() {
        model.close();
      }
    };
  }

  /**
   * DJL's Predictor on its ONNX Runtime engine, pairs in padded batches.
   *
   * @param batch pairs of a batch
   */
  static Scorer djl(Path graph, Path tokenizerFile, int threads, int batch)
      throws IOException, ModelException {
    HuggingFaceTokenizer tokenizer =
        HuggingFaceTokenizer.newInstance(
            tokenizerFile,
            Map.of("padding", "true", "truncation", "true", "maxLength", "" + CONTEXT));
    ZooModel<PairList<String, String>, float[]> model = load(graph, threads, tokenizer);
    Predictor<PairList<String, String>, float[]> predictor = model.newPredictor();
    return new Scorer() {
      @Override
      public List<Double> score(List<TextRow> rows) {
        List<Double> scores = new ArrayList<>();
        PairList<String, String> pairs = new PairList<>();
        for (TextRow row : rows) {
          for (String response : row.responses()) {
            pairs.add(row.prompt(), response);
            if (pairs.size() == batch) {
              predict(pairs, scores);
              pairs.clear();
            }
          }
        }
        if (!pairs.isEmpty()) {
          predict(pairs, scores);
        }
        return scores;
      }

      private void predict(PairList<String, String> pairs, List<Double> scores) {
        try {
          for (float score : predictor.predict(pairs)) {
            scores.add((double) score);
          }
        } catch (TranslateException e) {
          throw new IllegalStateException("DJL failed: " + e.getMessage(), e);
        }
      }

      @Override
      public void close() {
        predictor.close();
        model.close();
        tokenizer.close();
      }
    };
  }

  @SuppressWarnings("unchecked") // PairList has no class object of its own type arguments
  private static ZooModel<PairList<String, String>, float[]> load(
      Path graph, int threads, HuggingFaceTokenizer tokenizer) throws IOException, ModelException {
    return Criteria.builder()
        .setTypes((Class<PairList<String, String>>) (Class<?>) PairList.class, float[].class)
        .optApplication(Application.NLP.ANY)
        .optModelPath(graph)
        .optEngine("OnnxRuntime")
        .optOption("intraOpNumThreads", Integer.toString(threads))
        .optTranslator(new PairTranslator(tokenizer))
        .build()
        .loadModel();
  }

  private record PairTranslator(HuggingFaceTokenizer tokenizer)
      implements Translator<PairList<String, String>, float[]> {
    @Override
    public NDList processInput(TranslatorContext given, PairList<String, String> pairs)
        throws TranslateException {
      Encoding[] encodings = tokenizer.batchEncode(pairs);
      long[][] ids = new long[encodings.length][];
      long[][] mask = new long[encodings.length][];
      long[][] types = new long[encodings.length][];
      for (int i = 0; i < encodings.length; i++) {
        ids[i] = encodings[i].getIds();
        mask[i] = encodings[i].getAttentionMask();
        types[i] = encodings[i].getTypeIds();
      }
      NDManager manager = given.getNDManager();
      ai.djl.ndarray.NDArray first = manager.create(ids);
      first.setName("input_ids");
      ai.djl.ndarray.NDArray second = manager.create(mask);
      second.setName("attention_mask");
      ai.djl.ndarray.NDArray third = manager.create(types);
      third.setName("token_type_ids");
      return new NDList(first, second, third);
    }

    @Override
    public float[] processOutput(TranslatorContext given, NDList list) {
      return list.singletonOrThrow().toFloatArray();
    }

    @Override
    public @org.jspecify.annotations.Nullable Batchifier getBatchifier() {
      return null;
    }
  }
}
