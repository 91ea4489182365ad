"""Build pipelines of the real classes with random weights: ``python -m paint_model.tiny FOLDER``.

They stand for the weights where these can't be had: all that doesn't depend on what the weights are is real. What they
paint is noise. ``--kind`` klein (FLUX.2 [klein]) or sdxl (SDXL inpainting); ``--size`` tiny (less than 1 MB, made in
seconds) or real (klein only: FLUX.2 [klein] 4B's 16 GB, for measuring speed and memory). The tokenizers know bytes and
no more, so that nothing is fetched.
"""

# pyright: reportMissingImports=false

import argparse
import json
import sys
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    AutoencoderKLFlux2,
    DiffusionPipeline,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Transformer2DModel,
    StableDiffusionXLInpaintPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Qwen2TokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

KINDS = ("klein", "sdxl")
SIZES = ("tiny", "real")
BYTES = 256
CLIP_TOKENS = 77
# Of the chat template of Qwen3 what the pipeline asks for: one message of the user, no thinking.
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n<think>\n\n</think>\n\n"
)
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
# FLUX.2 [klein] 4B's own: transformer/config.json and text_encoder/config.json (Qwen3-4B) of its model folder.
REAL_TRANSFORMER = {
    "num_layers": 5,
    "num_single_layers": 20,
    "attention_head_dim": 128,
    "num_attention_heads": 24,
    "joint_attention_dim": 7680,
    "axes_dims_rope": (32, 32, 32, 32),
}
REAL_TEXT = {
    "hidden_size": 2560,
    "intermediate_size": 9728,
    "num_hidden_layers": 36,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "vocab_size": 151936,
    "tie_word_embeddings": True,
}
TINY_TRANSFORMER = {
    "num_layers": 1,
    "num_single_layers": 1,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": 3 * 16,
    "axes_dims_rope": (4, 4, 4, 4),
}
TINY_TEXT = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 28,  # the states after 9, 18 and 27 are read
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "vocab_size": BYTES + len(SPECIAL),
}


def build(folder: Path, kind: str = "klein", size: str = "tiny", pipeline_class: str | None = None) -> None:
    """Write a diffusers folder of random weights (seed 0): float32 if tiny, bfloat16 if real.

    ``pipeline_class``: what model_index.json names, where a folder was saved as another class of the same parts.
    Raises `ValueError` for a kind without a real size, and `OSError` if it can't be written.
    """
    if (kind, size) not in {("klein", "tiny"), ("klein", "real"), ("sdxl", "tiny")}:
        raise ValueError(f"There is no {size} {kind}.")
    torch.manual_seed(0)
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.bfloat16 if size == "real" else torch.float32)
    try:
        pipeline = _sdxl() if kind == "sdxl" else _klein(size == "real")
    finally:
        torch.set_default_dtype(before)
    pipeline.save_pretrained(folder)
    if pipeline_class:
        index = folder / "model_index.json"
        index.write_text(json.dumps({**json.loads(index.read_text()), "_class_name": pipeline_class}))


def _klein(real: bool) -> DiffusionPipeline:
    vae = {} if real else {"block_out_channels": (4, 4, 4, 4), "layers_per_block": 1, "norm_num_groups": 2}
    return Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=AutoencoderKLFlux2(**vae),
        text_encoder=Qwen3ForCausalLM(Qwen3Config(**(REAL_TEXT if real else TINY_TEXT))).eval(),
        tokenizer=_qwen(),
        transformer=Flux2Transformer2DModel(guidance_embeds=False, **(REAL_TRANSFORMER if real else TINY_TRANSFORMER)),
        is_distilled=True,
    )


def _qwen() -> Qwen2TokenizerFast:
    vocabulary = {letter: number for number, letter in enumerate(_letters())}
    tokenizer = Qwen2TokenizerFast(vocab=vocabulary, merges=[], pad_token=SPECIAL[0])
    tokenizer.add_special_tokens({"additional_special_tokens": list(SPECIAL[1:])})
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def _letters() -> list[str]:
    """Return the letter that byte-level tokenizers write for each of the 256 bytes."""
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    return list(bytes_to_unicode().values())


def _sdxl() -> DiffusionPipeline:
    text = {
        "hidden_size": 16,
        "intermediate_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "projection_dim": 16,
        "vocab_size": 2 * BYTES + 2,
        "pad_token_id": 2 * BYTES + 1,
        "bos_token_id": 2 * BYTES,
        "eos_token_id": 2 * BYTES + 1,
    }
    config = CLIPTextConfig(**text)
    return StableDiffusionXLInpaintPipeline(
        vae=AutoencoderKL(
            block_out_channels=(4, 4, 4, 4),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            layers_per_block=1,
            norm_num_groups=2,
            latent_channels=4,
            scaling_factor=0.13025,
        ),
        text_encoder=CLIPTextModel(config).eval(),
        text_encoder_2=CLIPTextModelWithProjection(config).eval(),
        tokenizer=_clip(),
        tokenizer_2=_clip(),
        unet=UNet2DConditionModel(
            sample_size=128,
            in_channels=9,  # latents, the mask and what it leaves of the photo
            out_channels=4,
            block_out_channels=(8, 16),
            norm_num_groups=2,
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            attention_head_dim=(2, 4),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            transformer_layers_per_block=1,
            projection_class_embeddings_input_dim=16 + 6 * 8,
            cross_attention_dim=2 * 16,
        ),
        scheduler=EulerDiscreteScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear"),
    )


def _clip() -> CLIPTokenizer:
    letters = _letters()
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={word: number for number, word in enumerate(words)}, merges=[], model_max_length=CLIP_TOKENS
    )


def main(arguments: list[str] | None = None) -> int:
    """Build a folder as the command line says; exit status 1 and the reason if that fails."""
    parser = argparse.ArgumentParser(prog="python -m paint_model.tiny", description="Random weights, real classes.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kind", choices=KINDS, default=KINDS[0])
    parser.add_argument("--size", choices=SIZES, default=SIZES[0])
    options = parser.parse_args(arguments)
    try:
        build(options.folder, options.kind, options.size)
    except (OSError, ValueError) as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
