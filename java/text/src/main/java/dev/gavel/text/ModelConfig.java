package dev.gavel.text;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonSetter;
import com.fasterxml.jackson.annotation.Nulls;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.gavel.FormatException;
import dev.gavel.InvalidArgumentException;
import dev.gavel.Layout;
import dev.gavel.Pooling;
import dev.gavel.Readout;
import dev.gavel.message.SystemReason;
import dev.gavel.text.row.Unicode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * {@code config.json} of a model folder: everything but the head's own shape, which its safetensors
 * file tells. Every key is required, unknown keys are refused. See docs/model-folder.md.
 *
 * @param format {@value #FORMAT}
 * @param formatVersion {@value #FORMAT_VERSION}
 * @param name what the model is called in output
 * @param backbone file of the ONNX graph in the folder, or {@code built-in:all-MiniLM-L6-v2}
 * @param tokenizer file of the tokenizer in the folder, or {@code built-in:all-MiniLM-L6-v2}
 * @param head file of the head in the folder
 * @param context most tokens of a sequence
 * @param promptTokens most tokens kept of a prompt
 * @param responseTokens most tokens kept of a response
 * @param layout joint or independent: what {@code score} uses unless told otherwise
 * @param pooling index, first_last_concat, first_last_add, first_last_sub or span_mean
 * @param readout identity, affine or sigmoid, with its numbers, expectation with its levels, or
 *     quantile_mean with its quantiles
 * @param sequence the fixed parts of a sequence
 * @param chatTemplate how a conversation becomes text
 */
public record ModelConfig(
    @JsonProperty("format") String format,
    @JsonProperty("format_version") int formatVersion,
    @JsonProperty("name") String name,
    @JsonProperty("backbone") String backbone,
    @JsonProperty("tokenizer") String tokenizer,
    @JsonProperty("head") String head,
    @JsonProperty("context") int context,
    @JsonProperty("prompt_tokens") int promptTokens,
    @JsonProperty("response_tokens") int responseTokens,
    @JsonProperty("layout") String layout,
    @JsonProperty("pooling") String pooling,
    @JsonProperty("readout") ReadoutConfig readout,
    @JsonProperty("sequence") SequenceConfig sequence,
    @JsonProperty("chat_template") ChatTemplateConfig chatTemplate) {

  /** Value of the key {@code format}. */
  public static final String FORMAT = "gavel-model";

  /** The version this class reads and writes. */
  public static final int FORMAT_VERSION = 1;

  /** Name of the file in a model folder. */
  public static final String FILE = "config.json";

  /** A configuration has less than one thousand. */
  static final int MOST_BYTES = 1 << 20;

  static final String BUILT_IN = "built-in:" + BuiltInModel.NAME;

  private static final JsonMapper JSON =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_CREATOR_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .defaultSetterInfo(JsonSetter.Value.forContentNulls(Nulls.FAIL))
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  /**
   * The fixed parts of a sequence, as text; literals of special tokens stand for those tokens.
   *
   * @param prefix before the prompt
   * @param afterPrompt between prompt and first response
   * @param beforeSeparator between a response and its separator
   * @param separator exactly one token, or empty where the model has no joint layout
   * @param afterSeparator between a separator and the next response
   * @param suffix after the last response, and after what a template puts there
   * @param suffixEndsResponse whether the last response is read at the end of the suffix
   */
  public record SequenceConfig(
      @JsonProperty("prefix") String prefix,
      @JsonProperty("after_prompt") String afterPrompt,
      @JsonProperty("before_separator") String beforeSeparator,
      @JsonProperty("separator") String separator,
      @JsonProperty("after_separator") String afterSeparator,
      @JsonProperty("suffix") String suffix,
      @JsonProperty("suffix_ends_response") boolean suffixEndsResponse) {

    /** Whether the model can judge several responses in one sequence. */
    boolean hasSeparator() {
      return !separator.isEmpty();
    }
  }

  /**
   * How a conversation becomes text.
   *
   * @param file file of the Jinja template in the folder, {@code built-in:plain} for one that puts
   *     the role in front of every message, or empty where a model takes no conversations
   * @param renders what the template makes: {@code prompt}, the text of the prompt; {@code
   *     conversation}, the whole sequence with the response as the assistant's last message, in
   *     which case {@code sequence} has no prefix and after_prompt of its own; or {@code nothing}
   * @param variables what the template can read beside the conversation, such as {@code bos_token}
   */
  public record ChatTemplateConfig(
      @JsonProperty("file") String file,
      @JsonProperty("renders") String renders,
      @JsonProperty("variables") Map<String, String> variables) {}

  /** The configuration of a head on the built-in encoder. */
  public static ModelConfig builtIn(
      String name, Layout layout, Pooling pooling, TokenBudget budget) {
    return new ModelConfig(
        FORMAT,
        FORMAT_VERSION,
        name,
        BUILT_IN,
        BUILT_IN,
        "model.safetensors",
        budget.context(),
        budget.prompt(),
        budget.response(),
        name(layout),
        name(pooling),
        ReadoutConfig.of(Readout.identity()),
        new SequenceConfig("[CLS]", "[SEP]", "", "[SEP]", "", "[SEP]", false),
        new ChatTemplateConfig(BuiltInModel.PLAIN_TEMPLATE, "prompt", Map.of()));
  }

  /** The same backbone and texts with a head that was trained on its vectors. */
  public ModelConfig withHead(
      String newName,
      Layout newLayout,
      Pooling newPooling,
      Readout newReadout,
      TokenBudget budget) {
    return new ModelConfig(
        format,
        formatVersion,
        newName,
        backbone,
        tokenizer,
        "model.safetensors",
        budget.context(),
        budget.prompt(),
        budget.response(),
        name(newLayout),
        name(newPooling),
        ReadoutConfig.of(newReadout),
        sequence,
        chatTemplate);
  }

  /** Whether backbone and tokenizer come with this library, and not as files of the folder. */
  public boolean usesBuiltInEncoder() {
    return backbone.equals(BUILT_IN) && tokenizer.equals(BUILT_IN);
  }

  /**
   * Reads what {@link #toJson} wrote.
   *
   * @param file where it came from, for messages
   * @throws FormatException if it is not a configuration
   */
  public static ModelConfig fromJson(String json, Path file) {
    return parse(json.getBytes(StandardCharsets.UTF_8), file);
  }

  /**
   * Reads a configuration.
   *
   * @param content the JSON text
   * @param file where it came from, for messages
   * @throws FormatException if it is not one
   */
  static ModelConfig parse(byte[] content, Path file) {
    try {
      // Of the text null, Jackson makes null.
      @Nullable ModelConfig config = JSON.readValue(content, ModelConfig.class);
      if (config == null) {
        throw new FormatException(file, "is not a model configuration: it holds null");
      }
      if (Unicode.unpaired(config.name) >= 0) {
        throw new FormatException(
            file, "has a name with half a surrogate pair, which no output can show; mend it");
      }
      if (!FORMAT.equals(config.format) || config.formatVersion != FORMAT_VERSION) {
        throw new FormatException(
            file,
            "has format %s version %d; this version reads %s version %d"
                .formatted(config.format, config.formatVersion, FORMAT, FORMAT_VERSION));
      }
      return config;
    } catch (JsonProcessingException e) {
      throw new FormatException(file, ConfigMistake.describe(e), e);
    } catch (IOException e) {
      throw new FormatException(file, "cannot be read: " + SystemReason.reading(e), e);
    }
  }

  /**
   * Reads the values that have names, while it is known which file says so. Not for caches: those
   * of a published head with a gate name a readout that no model folder has.
   *
   * @throws FormatException if there is none of a name
   */
  void requireNames(Path file) {
    try {
      layoutValue();
      poolingValue();
      readoutValue();
    } catch (InvalidArgumentException e) {
      throw new FormatException(file, "says something else: " + e.getMessage(), e);
    }
  }

  /** The JSON text. */
  public String toJson() {
    try {
      return JSON.writeValueAsString(this) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("a configuration is always JSON", e);
    }
  }

  /** The budget the model was made with. */
  public TokenBudget budget() {
    return new TokenBudget(context, promptTokens, responseTokens);
  }

  /** The layout as a value. */
  public Layout layoutValue() {
    return parseLayout(layout);
  }

  /** The pooling as a value. */
  public Pooling poolingValue() {
    return parsePooling(pooling);
  }

  /** The readout as a value. */
  public Readout readoutValue() {
    return readout.value();
  }

  /**
   * Reads a layout's name.
   *
   * @throws InvalidArgumentException if there is none of that name
   */
  public static Layout parseLayout(String name) {
    return switch (name) {
      case "joint" -> Layout.JOINT;
      case "independent" -> Layout.INDEPENDENT;
      default ->
          throw new InvalidArgumentException(
              "layout is '%s'; it must be joint or independent".formatted(name));
    };
  }

  /**
   * Reads a pooling's name.
   *
   * @throws InvalidArgumentException if there is none of that name
   */
  public static Pooling parsePooling(String name) {
    return switch (name) {
      case "index" -> Pooling.index();
      case "first_last_concat" -> Pooling.firstLast(Pooling.Combine.CONCAT);
      case "first_last_add" -> Pooling.firstLast(Pooling.Combine.ADD);
      case "first_last_sub" -> Pooling.firstLast(Pooling.Combine.SUB);
      case "span_mean" -> Pooling.spanMean();
      default ->
          throw new InvalidArgumentException(
              "pooling is '%s'; it must be index, first_last_concat, first_last_add, first_last_sub or span_mean"
                  .formatted(name));
    };
  }

  /** Name of a layout. */
  public static String name(Layout layout) {
    return switch (layout) {
      case JOINT -> "joint";
      case INDEPENDENT -> "independent";
    };
  }

  /**
   * Name of a pooling.
   *
   * @throws InvalidArgumentException of ALL, which no model folder has
   */
  public static String name(Pooling pooling) {
    return switch (pooling) {
      case Pooling.Index() -> "index";
      case Pooling.FirstLast(Pooling.Combine combine) ->
          switch (combine) {
            case CONCAT -> "first_last_concat";
            case ADD -> "first_last_add";
            case SUB -> "first_last_sub";
          };
      case Pooling.SpanMean() -> "span_mean";
      case Pooling.All() ->
          throw new InvalidArgumentException(
              "a model folder with pooling ALL, which gives no score of a response; name another");
    };
  }
}
