package dev.gavel.checkpoint;

/**
 * The heads of published reward models, told by the names and shapes of their tensors and by {@code
 * config.json}. H is the width of hidden states, K the number of labels, F a width of the head's
 * own. docs/checkpoints.md says which models have which.
 *
 * <p>A new pattern is a constant here and a rule in {@link PatternTable}.
 */
public enum HeadPattern {
  /** {@code reward_model_config.json} and {@code value_head.pt}: YOJO, arXiv 2604.10966. */
  YOJO("YOJO value head"),
  /** {@code v_head.summary.{weight,bias}} [1,H], [1] in a side file: LlamaFactory, Skywork-VL. */
  LLAMA_FACTORY("LlamaFactory value head"),
  /** {@code v_head.summary.{weight,bias}} [1,H], [1] among the model's own: TRL. */
  TRL_VALUE_HEAD("TRL value head"),
  /** {@code v_head.summary.{0,2,..}.{weight,bias}}: Linear, ReLU, ..., Linear to 1: GRM. */
  GRM("GRM value head"),
  /** {@code v_head.weight} [1,H], read at an appended reward token: internlm2-reward, POLAR. */
  INTERNLM2_REWARD("internlm2-reward value head"),
  /** {@code v_head.weight} [1,H], read at the last token: Starling-RM. */
  VALUE_HEAD("value head"),
  /** {@code regression_head.weight} [1,H]: Eurus-RM, UltraRM. */
  REGRESSION_HEAD("regression head"),
  /** {@code out_proj.{weight,bias}} [1,H], [1], pooling from the configuration: oasst-rm. */
  OUT_PROJ("OpenAssistant GPT-NeoX head"),
  /** {@code score_head.weight} [1,H] with {@code normalizer.*}: PKU beaver reward and cost. */
  BEAVER("beaver score head"),
  /** {@code PREFIX.weight} [1,H], the prefix from the configuration: OpenRLHF. */
  OPENRLHF("OpenRLHF value head"),
  /** {@code score.{0,2}.{weight,bias}}: Linear, ReLU, Linear to 1: INF-ORM, Qwen2.5-Math-RM. */
  SCORE_MLP("two-layer score"),
  /** {@code score.{0,2}.{weight,bias}} to 2 classes, at every step token: Qwen2.5-Math-PRM. */
  PROCESS_REWARD("Qwen process reward head"),
  /** {@code score.{weight,bias}} [2,H], [2], at the end of every step: TRL PRM. */
  TOKEN_CLASSIFICATION("token classification"),
  /** {@code score.weight} [K,H]: sequence classification of decoders; Skywork, ODIN. */
  SCORE("sequence classification"),
  /** {@code pooler.dense} and {@code classifier}: sequence classification of DeBERTa. */
  DEBERTA("DeBERTa sequence classification"),
  /** {@code bert.pooler.dense} and {@code classifier}: sequence classification of BERT. */
  BERT("BERT sequence classification"),
  /** {@code classifier.{dense,out_proj}}: (XLM-)RoBERTa; bge-reranker. */
  ROBERTA("RoBERTa sequence classification"),
  /** 19 objectives, mixed by a gate at a second position: ArmoRM. */
  ARMORM("ArmoRM gated objectives"),
  /** 19 objectives of 19 quantiles, gated: QRM. */
  QRM("QRM gated quantiles"),
  /** {@code regression_layer.pt} and {@code gating_layer.pt}: LDL. */
  LDL("LDL label distributions"),
  /** Row 0 of {@code lm_head.weight}: Llama-3.1-Nemotron-70B-Reward. Must be asked for. */
  NEMOTRON("Nemotron vocabulary row"),
  /** Rows "yes" and "no" of {@code lm_head.weight}: Qwen3-Reranker. Must be asked for. */
  QWEN3_RERANKER("Qwen3-Reranker vocabulary rows"),
  /** Row "Yes" of {@code lm_head.weight}: bge-reranker-v2-gemma. Must be asked for. */
  BGE_GEMMA("bge-reranker-gemma vocabulary row");

  private final String title;

  HeadPattern(String title) {
    this.title = title;
  }

  /** What messages call it. */
  public String title() {
    return title;
  }
}
