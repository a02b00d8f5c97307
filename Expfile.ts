// What there is to build. Each name below is a target: ask for one by `exp build NAME`, and what it needs comes first.
// What the targets are told stands in configs/, a section for each; what they do stands in rules/peptides/.

import { experiments } from "expfile";
import { analyse } from "./rules/peptides/analyse.ts";
import { byHand } from "./rules/peptides/by-hand.ts";
import { enoughNovelty } from "./rules/peptides/gates.ts";
import { generate } from "./rules/peptides/generate.ts";
import { judge } from "./rules/peptides/judge.ts";
import { prepare } from "./rules/peptides/prepare.ts";

export default experiments({
  // Samplers learn from known peptides, draw new ones, and judges compare the arms.
  peptides: () => {
    const handed = byHand();
    const prepared = prepare({ handed: handed.files });
    const generated = generate({ slices: prepared.slices });
    const judged = judge({ peptides: generated.peptides, reference: prepared.sequences });
    const novel = enoughNovelty({ scores: judged.scores });
    const analysed = analyse({
      peptides: generated.peptides,
      arms: generated.arms,
      scores: judged.scores,
      reference: prepared.sequences,
      prepared: prepared.summary,
    });
    return {
      "by-hand": handed,
      prepare: prepared,
      generate: generated,
      judge: judged,
      "enough-novelty": novel,
      analyse: analysed,
    };
  },
});
