package dev.gavel.checkpoint;

import dev.gavel.FormatException;
import dev.gavel.InvalidArgumentException;
import java.util.List;

/**
 * The table of patterns: what is recognised, in the order in which it is tried. Rules whose marks
 * are rarer stand first, so that none takes what another means.
 */
final class PatternTable {

  static final List<PatternRule> RULES =
      List.of(
          new PatternRule(
              HeadPattern.YOJO,
              facts -> facts.hasFile(CheckpointFiles.YOJO_CONFIG),
              ValueHeads::yojo),
          new PatternRule(
              HeadPattern.LDL, facts -> CheckpointFiles.isLdl(facts.folder()), GatedHeads::ldl),
          new PatternRule(
              HeadPattern.QRM,
              facts ->
                  facts.hasHead("regression_layer.weight") && facts.config().has("num_quantiles"),
              GatedHeads::qrm),
          new PatternRule(
              HeadPattern.ARMORM,
              facts -> facts.hasHead("regression_layer.weight"),
              GatedHeads::armorm),
          new PatternRule(
              HeadPattern.LLAMA_FACTORY,
              facts -> CheckpointFiles.side(facts.folder()).isPresent(),
              facts -> ValueHeads.summary(facts, HeadPattern.LLAMA_FACTORY)),
          new PatternRule(
              HeadPattern.GRM, facts -> facts.hasHead("v_head.summary.0.weight"), ValueHeads::grm),
          new PatternRule(
              HeadPattern.TRL_VALUE_HEAD,
              facts -> facts.hasHead("v_head.summary.weight"),
              facts -> ValueHeads.summary(facts, HeadPattern.TRL_VALUE_HEAD)),
          new PatternRule(
              HeadPattern.INTERNLM2_REWARD,
              facts ->
                  facts.hasHead("v_head.weight")
                      && (facts.config().has("reward_token_id")
                          || facts.isArchitecture("InternLM2ForRewardModel")),
              ValueHeads::internlm2),
          new PatternRule(
              HeadPattern.VALUE_HEAD,
              facts -> facts.hasHead("v_head.weight"),
              facts -> ValueHeads.linear(facts, HeadPattern.VALUE_HEAD, "v_head")),
          new PatternRule(
              HeadPattern.REGRESSION_HEAD,
              facts -> facts.hasHead("regression_head.weight"),
              facts -> ValueHeads.linear(facts, HeadPattern.REGRESSION_HEAD, "regression_head")),
          new PatternRule(
              HeadPattern.OUT_PROJ, facts -> facts.hasHead("out_proj.weight"), ValueHeads::outProj),
          new PatternRule(
              HeadPattern.BEAVER,
              facts -> facts.hasHead("score_head.weight"),
              NormalisedHeads::beaver),
          new PatternRule(
              HeadPattern.OPENRLHF, NormalisedHeads::isOpenRlhf, NormalisedHeads::openRlhf),
          new PatternRule(
              HeadPattern.PROCESS_REWARD,
              facts ->
                  facts.hasHead("score.0.weight") && facts.isArchitecture("ForProcessRewardModel"),
              ScoreHeads::process),
          new PatternRule(
              HeadPattern.SCORE_MLP, facts -> facts.hasHead("score.0.weight"), ScoreHeads::mlp),
          new PatternRule(
              HeadPattern.TOKEN_CLASSIFICATION,
              facts ->
                  facts.hasHead("score.weight") && facts.isArchitecture("ForTokenClassification"),
              ScoreHeads::tokens),
          new PatternRule(
              HeadPattern.SCORE, facts -> facts.hasHead("score.weight"), ScoreHeads::sequence),
          new PatternRule(
              HeadPattern.ROBERTA,
              facts -> facts.hasHead("classifier.out_proj.weight"),
              EncoderHeads::roberta),
          new PatternRule(
              HeadPattern.DEBERTA,
              facts -> facts.hasHead("classifier.weight") && facts.hasHead("pooler.dense.weight"),
              EncoderHeads::deberta),
          new PatternRule(
              HeadPattern.BERT,
              facts -> facts.hasHead("classifier.weight") && facts.has("bert.pooler.dense.weight"),
              EncoderHeads::bert));

  /** A language model does not say that it is scored by a row of its output layer. */
  static final List<PatternRule> ASKED_FOR =
      List.of(
          new PatternRule(HeadPattern.NEMOTRON, facts -> true, VocabularyHeads::nemotron),
          new PatternRule(HeadPattern.QWEN3_RERANKER, facts -> true, VocabularyHeads::qwen3),
          new PatternRule(HeadPattern.BGE_GEMMA, facts -> true, VocabularyHeads::bgeGemma));

  private PatternTable() {}

  /**
   * The rule for a folder.
   *
   * @throws FormatException if none claims it; the message lists what looks like a head
   * @throws PatternNeededException if nothing does
   */
  static PatternRule find(Facts facts) {
    for (PatternRule rule : RULES) {
      if (rule.claims().test(facts)) {
        return rule;
      }
    }
    if (facts.headNames().isEmpty()) {
      throw new PatternNeededException(
          "%s: has only tensors of a language model or an encoder, no head. If it is scored by rows of its output layer (VOCAB_ROWS), say which: read it with one of the patterns %s, or by token ids"
              .formatted(facts.folder(), ASKED_FOR.stream().map(PatternRule::pattern).toList()));
    }
    throw new FormatException(
        facts.folder(),
        "has tensors %s beside its backbone and is of no known pattern; those are %s"
            .formatted(facts.headNames(), RULES.stream().map(PatternRule::pattern).toList()));
  }

  /** The rule of a pattern. */
  static PatternRule of(HeadPattern pattern) {
    return java.util.stream.Stream.concat(RULES.stream(), ASKED_FOR.stream())
        .filter(rule -> rule.pattern() == pattern)
        .findFirst()
        .orElseThrow(
            () -> new InvalidArgumentException("pattern %s has no rule".formatted(pattern)));
  }
}
