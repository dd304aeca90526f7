#!/usr/bin/env bash
# The main job on the example data: score a sequence of checkpoints on example images, pick, fine-tune the pick briefly.
set -euo pipefail
ripe=$1
cd "$(dirname "$0")/.."
results=demo-results

show() {
    echo
    echo "\$ ripe $*"
    "$ripe" "$@"
}

cat <<'TEXT'

This is Ripe's main job, on example data that comes with it.

A small network was pretrained for eight epochs and saved now and then (fixtures/checkpoints/pytorch).
Which of these checkpoints should you fine-tune for brain MR images (fixtures/target)? The last is not
always the best. Ripe answers without training anything and without any labels: it runs every checkpoint
on two randomly jittered views of each image, and sees how well the features hold still.
TEXT

rm -rf "$results"
show score fixtures/checkpoints/pytorch --target fixtures/target --out "$results" --cache "$results/cache"

cat <<'TEXT'

The same from a script: 'ripe pick' prints only the path. The scores are read from the results of the
first run, so this takes no time.
TEXT
show pick fixtures/checkpoints/pytorch --target fixtures/target --cache "$results/cache"

cat <<'TEXT'

Now the third step: fine-tune that checkpoint, and no other. A U-Net's decoder is trained on the frozen encoder, on images
with masks, for a few epochs only; the test images are those that the data set keeps for testing.
TEXT
show finetune "$results/scores.json" --target fixtures/target --freeze encoder --image-size 128 \
    --decoder-channels 64,48,32,24,16 --epochs 12 --batch 4 --lr 5e-3 --class-weights 1,1,4 --augment flips \
    --out "$results/tuned"
show predict "$results/tuned/model.safetensors" fixtures/target/imagesTs --out "$results/masks" --overlay

cat <<TEXT

Was it right? For this example the answer is known. With each of these encoders frozen, a U-Net was trained on
such images three times; the Dice on other slices was, on average:

  epoch   0      1      3      5      8
  Dice   .760   .845   .854   .849   .832

So leaving the last checkpoint was right, and epoch 1 was nearly the best. One example proves little:
docs/score.md says how far to trust the score.

The results are in $results: scores.json (everything), scores.csv (a table), scores.svg (the curve);
tuned/ (the model, its measures, pictures); masks/ (what it says of the test images).
Now your own checkpoints and images:

  $ripe score YOUR_CHECKPOINTS --target YOUR_IMAGES
  $ripe run YOUR_CHECKPOINTS --target YOUR_IMAGES_WITH_MASKS --out results

README.md says which formats are read.
TEXT
