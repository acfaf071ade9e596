package dev.gavel.cli.cache;

import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.checkpoint.GateRows;
import dev.gavel.cli.input.Limits;
import dev.gavel.cli.input.Shard;
import dev.gavel.cli.input.Source;
import dev.gavel.cli.program.Version;
import dev.gavel.cli.run.CommonSettings;
import dev.gavel.cli.run.RunSettings;
import dev.gavel.message.Counted;
import dev.gavel.text.ModelChoices;
import dev.gavel.text.ModelConfig;
import dev.gavel.text.Provenance;
import dev.gavel.text.Provenance.Role;
import dev.gavel.text.RewardModel;
import dev.gavel.text.TokenBudget;
import dev.gavel.text.VectorModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** Everything that decides the bytes of a cache, and what a head must share with it. */
public final class CacheSettings {
  public static final String POOLING = "pooling";
  public static final String LAYOUT = "layout";
  public static final String ORDER = "order of responses";
  public static final String TEMPLATE = "template";
  static final String BACKBONE = "backbone";
  public static final String CONTEXT = "context";
  public static final String PROMPT = "prompt";
  public static final String RESPONSE = "response";
  public static final String ROWS_READ = "rows read";
  static final String GATE = "rows of the gate";
  public static final String GIVEN = "as given";
  // Of caches that do not say it, and of model folders.
  public static final String ROWS_OF_RESPONSES = "those of the response";

  private static final String CHAT_TEMPLATE = "chat template";
  private static final JsonMapper JSON = new JsonMapper();

  private CacheSettings() {}

  /** Order of responses that is drawn from a seed and the texts. */
  public static String drawn(long seed) {
    return "drawn from seed %d".formatted(seed);
  }

  public static RunSettings of(
      String modelName,
      RewardModel model,
      Pooling pooling,
      String order,
      int fileRows,
      Shard shard,
      Limits limits,
      List<Source> sources) {
    Map<String, String> values = new LinkedHashMap<>();
    values.put("gavel", Version.NUMBER);
    values.putAll(
        ofVectors(
            modelName,
            model.options().choices(),
            model.config(),
            model.layout(),
            model.budget(),
            pooling,
            model.rowsRead()));
    gate(model.gateRows(), pooling.equals(model.pooling()))
        .ifPresent(pattern -> values.put(GATE, pattern));
    values.put(ORDER, order);
    values.put(TEMPLATE, model.template());
    values.putAll(CommonSettings.ofBackbone(model));
    values.put("file", Counted.of(fileRows, "row"));
    values.putAll(CommonSettings.ofInputs(limits, shard, sources));
    return new RunSettings(values);
  }

  /** What makes a vector of a text: all of the model but its head. */
  static Map<String, String> ofVectors(
      String modelName,
      ModelChoices choices,
      ModelConfig config,
      Layout layout,
      TokenBudget budget,
      Pooling pooling,
      String rowsRead) {
    Map<String, String> values = new LinkedHashMap<>();
    Map<Role, String> hashes = new EnumMap<>(Role.class);
    for (Provenance.Part part : Provenance.parts(modelName, choices)) {
      hashes.put(part.role(), "sha256 " + part.sha256());
      if (part.role() == Role.BACKBONE_DATA) {
        values.put("backbone's " + part.name(), "sha256 " + part.sha256());
      }
    }
    values.put(BACKBONE, hashes.get(Role.BACKBONE));
    values.put("tokenizer", hashes.get(Role.TOKENIZER));
    values.put(
        CHAT_TEMPLATE, hashes.getOrDefault(Role.CHAT_TEMPLATE, config.chatTemplate().file()));
    values.putAll(texts(config));
    values.put(LAYOUT, ModelConfig.name(layout));
    values.put(POOLING, ModelConfig.name(pooling));
    values.put(ROWS_READ, rowsRead);
    values.put(CONTEXT, Integer.toString(budget.context()));
    values.put(PROMPT, Integer.toString(budget.prompt()));
    values.put(RESPONSE, Integer.toString(budget.response()));
    return values;
  }

  /** How texts are put together, by the keys of a model folder's configuration. */
  private static Map<String, String> texts(ModelConfig config) {
    ModelConfig.SequenceConfig sequence = config.sequence();
    Map<String, String> values = new LinkedHashMap<>();
    values.put("chat_template renders", config.chatTemplate().renders());
    values.put("chat_template variables", json(new TreeMap<>(config.chatTemplate().variables())));
    values.put("sequence prefix", json(sequence.prefix()));
    values.put("sequence after_prompt", json(sequence.afterPrompt()));
    values.put("sequence before_separator", json(sequence.beforeSeparator()));
    values.put("sequence separator", json(sequence.separator()));
    values.put("sequence after_separator", json(sequence.afterSeparator()));
    values.put("sequence suffix", json(sequence.suffix()));
    values.put("sequence suffix_ends_response", json(sequence.suffixEndsResponse()));
    return values;
  }

  private static String json(Object value) {
    return JSON.valueToTree(value).toString();
  }

  /** The settings of a cache, also of one that has all texts of a sequence in one setting. */
  public static Map<String, String> ofCache(CacheIndex index) {
    Map<String, String> values = new LinkedHashMap<>(index.settings());
    if (values.remove("sequence") != null) {
      // Such a cache has the rest of its template's setting behind file or hash, too.
      values.computeIfPresent(CHAT_TEMPLATE, (_, value) -> value.replaceFirst("(?s), .*", ""));
      values.putAll(texts(ModelConfig.fromJson(index.model(), Path.of(CacheIndex.FILE))));
    }
    return values;
  }

  /**
   * Where a second vector of each response is, which only a gate reads; empty where it reads the
   * same as the head.
   *
   * @param own whether vectors are pooled as the model's head takes them
   */
  public static Optional<String> gate(Optional<GateRows> rows, boolean own) {
    return own && rows.isPresent() && rows.get() instanceof GateRows.LastPattern(List<Long> ids)
        ? Optional.of("the first token of the last " + ids)
        : Optional.empty();
  }

  /** What a head must share with a cache. */
  public static Map<String, String> ofHead(VectorModel model, String modelName) {
    Map<String, String> values =
        ofVectors(
            modelName,
            model.choices(),
            model.config(),
            model.layout(),
            model.budget(),
            model.pooling(),
            model.rowsRead());
    gate(model.gateRows(), true).ifPresent(pattern -> values.put(GATE, pattern));
    return values;
  }

  /** What differs between a cache and what a model would make, one line each. */
  public static List<String> differences(Map<String, String> cache, Map<String, String> model) {
    List<String> found = new ArrayList<>();
    model.forEach((name, value) -> {
      String was =
          cache.getOrDefault(name, name.equals(ROWS_READ) ? ROWS_OF_RESPONSES : "not there");
      if (!value.equals(was)) {
        found.add("%s is %s in the cache, %s with the model".formatted(name, was, value));
      }
    });
    return found;
  }
}
