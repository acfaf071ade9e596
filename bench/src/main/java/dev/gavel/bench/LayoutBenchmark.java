package dev.gavel.bench;

import dev.gavel.Layout;
import dev.gavel.text.OnnxBackbone;
import dev.gavel.text.PackedGroup;
import dev.gavel.text.TextBackbone;
import dev.gavel.text.TokenBudget;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * One forward pass for all responses of a prompt against one per response, on the built-in encoder,
 * text in, hidden states out. The token model of the joint layout (You Only Judge Once, arXiv
 * 2604.10966): N responses of r tokens to a prompt of P tokens cost P + N r instead of N (P + r)
 * tokens.
 */
public final class LayoutBenchmark {
  private static final int[][] CASES = {
    {200, 8, 32}, {256, 8, 16}, {256, 4, 48}, {128, 8, 32}, {64, 4, 64}
  };

  private LayoutBenchmark() {}

  /**
   * Runs it: {@code [rounds [results folder]]}.
   *
   * @param args rounds (default 11), where to write results
   */
  public static void main(String[] args) throws IOException {
    int rounds = args.length > 0 ? Integer.parseInt(args[0]) : 11;
    Report report =
        new Report(
            "joint layout against independent, all-MiniLM-L6-v2 with tokenisation",
            "prompt tokens",
            "responses",
            "tokens each",
            "joint tokens",
            "independent tokens",
            "token ratio",
            "token model",
            "joint us",
            "independent us",
            "time ratio",
            "quartiles");
    try (TextBackbone text = TextBackbone.builtIn(OnnxBackbone.Options.defaults())) {
      TokenBudget budget = TokenBudget.ofContext(512);
      for (int[] numbers : CASES) {
        int prompt = numbers[0];
        int count = numbers[1];
        int length = numbers[2];
        String promptText = String.join(" ", Collections.nCopies(prompt, "word"));
        List<String> responses = new ArrayList<>();
        for (int i = 0; i < count; i++) {
          responses.add(String.join(" ", Collections.nCopies(length, "answer")));
        }
        PackedGroup joint = text.tokenize(Layout.JOINT, budget, promptText, responses).packed();
        PackedGroup alone =
            text.tokenize(Layout.INDEPENDENT, budget, promptText, responses).packed();
        if (joint.sequences().size() != 1) {
          throw new IllegalStateException("case does not fit one pass: " + joint);
        }
        Interleaved.Result result =
            Interleaved.compare(
                () -> run(text, Layout.JOINT, budget, promptText, responses),
                () -> run(text, Layout.INDEPENDENT, budget, promptText, responses),
                rounds,
                TimeUnit.MILLISECONDS.toNanos(200));
        report.row(
            prompt,
            count,
            length,
            joint.totalTokens(),
            alone.totalTokens(),
            (double) alone.totalTokens() / joint.totalTokens(),
            (double) count * (prompt + length) / (prompt + count * length),
            result.ours(),
            result.peer(),
            result.ratio(),
            Report.number(result.ratioLow()) + " to " + Report.number(result.ratioHigh()));
      }
    }
    if (args.length > 1) {
      report.write(Path.of(args[1]), "layouts", "bench/run.sh layouts " + rounds);
    }
  }

  private static void run(
      TextBackbone text, Layout layout, TokenBudget budget, String prompt, List<String> responses) {
    PackedGroup packed = text.tokenize(layout, budget, prompt, responses).packed();
    text.run(packed, batch -> batch.responses());
  }
}
