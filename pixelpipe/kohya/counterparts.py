"""What every setting of sd-scripts is in pixelpipe: a field, what it does anyway, or nothing.

docs/coming-from-kohya.md shows the same tables; a test keeps them together.
"""

# key -> field: the value is taken as it is
FIELDS = {
    "seed": "seed",
    "output_name": "name",
    "pretrained_model_name_or_path": "model.base",
    "network_dim": "model.rank",
    "network_alpha": "model.alpha",
    "max_train_epochs": "training.epochs",
    "max_grad_norm": "training.max_grad_norm",
    "min_snr_gamma": "training.min_snr_gamma",
    "noise_offset": "training.noise_offset",
    "gradient_checkpointing": "training.gradient_checkpointing",
    "mixed_precision": "training.mixed_precision",
    "validation_split": "dataset.validation_fraction",
    "caption_dropout_rate": "training.caption_dropout",
    "caption_tag_dropout_rate": "training.tag_dropout",
    "shuffle_caption": "training.shuffle_tags",
    "keep_tokens": "training.keep_tokens",
    "flip_aug": "training.horizontal_flips",
}
# key -> the field or fields that it becomes after some arithmetic; see convert.py
DERIVED = {
    "network_module": "model.method",
    "learning_rate": "training.learning_rate",
    "unet_lr": "training.learning_rate",
    "lr_scheduler": "training.lr_scheduler",
    "lr_warmup_steps": "training.lr_warmup_steps",
    "optimizer_type": "AdamW, whatever it says",
    "optimizer_args": "training.weight_decay",
    "max_train_steps": "training.epochs",
    "train_batch_size": "training.batch_size",
    "batch_size": "training.batch_size",
    "gradient_accumulation_steps": "training.batch_size, training.gradient_accumulation_steps",
    "resolution": "training.resolution",
    "train_data_dir": "dataset.path, dataset.repeats",
    "image_dir": "dataset.path",
    "num_repeats": "dataset.repeats",
    "dataset_repeats": "dataset.repeats",
    "caption_extension": "`.txt` beside the images",
}
# key -> what pixelpipe does without being told
ANYWAY = {
    **dict.fromkeys(
        ("cache_latents", "cache_latents_to_disk", "vae_batch_size", "skip_cache_check"),
        "latents are cached, as mean and deviation, by the content of image and VAE",
    ),
    **dict.fromkeys(
        ("cache_text_encoder_outputs", "cache_text_encoder_outputs_to_disk", "text_encoder_batch_size"),
        "text embeddings are cached by the content of caption and text encoder",
    ),
    **dict.fromkeys(
        ("dynamo_backend", "torch_compile"), "training.compile: auto compiles once that saves time on the machine"
    ),
    **dict.fromkeys(("xformers", "sdpa", "mem_eff_attn", "diffusers_xformers"), "attention is PyTorch's own fused one"),
    **dict.fromkeys(
        ("save_model_as", "use_safetensors", "no_metadata"),
        "weights are safetensors with metadata; see pixelpipe export",
    ),
    "save_precision": "checkpoints are fp32; pixelpipe export --dtype fp16 writes what others expect",
    **dict.fromkeys(
        ("save_every_n_epochs", "save_every_n_steps", "save_last_n_epochs", "save_last_n_steps", "save_n_epoch_ratio"),
        "every epoch is a checkpoint, and which are kept follows from the verdicts",
    ),
    **dict.fromkeys(
        ("save_state", "save_state_on_train_end", "save_last_n_epochs_state", "save_last_n_steps_state", "resume",
         "initial_epoch", "initial_step", "skip_until_initial_step"),
        "every run resumes exactly: run the same command again",
    ),
    **dict.fromkeys(("output_dir", "logging_dir"), "results go to the store (--store)"),
    **dict.fromkeys(
        ("log_with", "log_prefix", "log_tracker_name", "log_tracker_config", "wandb_api_key", "wandb_run_name"),
        "every number is in Parquet (pixelpipe query), runs are in Prefect's UI",
    ),
    **dict.fromkeys(
        ("sample_every_n_epochs", "sample_every_n_steps", "sample_at_first", "sample_prompts", "sample_sampler"),
        "every epoch is sampled on the line's fixed prompts and seeds, and judged",
    ),
    **dict.fromkeys(
        ("max_data_loader_n_workers", "persistent_data_loader_workers", "lowram", "highvram", "cache_info",
         "disable_mmap_load_safetensors", "dataset_class", "ddp_timeout", "ddp_gradient_as_bucket_view",
         "ddp_static_graph"),
        "batches are gathered on the device, without worker processes",
    ),
    **dict.fromkeys(
        ("enable_bucket", "bucket_no_upscale", "bucket_reso_steps", "min_bucket_reso", "max_bucket_reso"),
        "sprites are square and need no buckets",
    ),
    "resize_interpolation": "sprites are enlarged with nearest-neighbor, the only kind that adds no colors",
    "network_train_unet_only": "only the UNet is trained",
    "validate_every_n_epochs": "the validation loss is measured every epoch, on fixed noise",
    "validation_seed": "the validation's noise follows from the seed and never changes",
    "no_half_vae": "the VAE runs in fp32",
    "config_file": "",
    "debug_dataset": "pixelpipe captions lint, and the verdict's contact sheet, show what is trained on",
}  # fmt: skip
# key -> what is not there, and what to do
MISSING = {
    **dict.fromkeys(
        ("text_encoder_lr", "train_text_encoder", "learning_rate_te", "network_train_text_encoder_only",
         "stop_text_encoder_training"),
        "the text encoder is not trained: its outputs are cached",
    ),
    "clip_skip": "the last layer of the text encoder is used, as SD1.5 was trained",
    "max_token_length": "captions end at 75 tokens; pixelpipe captions lint names those that are longer",
    **dict.fromkeys(("v2", "v_parameterization", "zero_terminal_snr", "scale_v_pred_loss_like_noise_pred",
                     "v_pred_like_loss"), "only Stable Diffusion 1.5 is trained, which predicts noise"),
    "vae": "the base's own VAE is used: save the base as a folder with another one",
    **dict.fromkeys(("network_args", "network_dropout", "scale_weight_norms", "base_weights",
                     "base_weights_multiplier", "network_weights", "dim_from_weights"),
                    "a LoRA is plain: one rank and alpha for attention and feed-forward layers, begun at nothing"),
    **dict.fromkeys(("prior_loss_weight", "reg_data_dir", "is_reg"), "there are no regularization images"),
    **dict.fromkeys(("color_aug", "random_crop", "face_crop_aug_range"),
                    "no augmentation but flips: others change colors or the grid"),
    **dict.fromkeys(("alpha_mask", "masked_loss", "conditioning_data_dir"),
                    "the loss has no mask; alpha shows dataset.background"),
    **dict.fromkeys(("caption_prefix", "caption_suffix", "keep_tokens_separator", "secondary_separator",
                     "enable_wildcard", "caption_separator", "weighted_captions", "token_warmup_min",
                     "token_warmup_step", "class_tokens"),
                    "captions are trained on as they are written: write this into them (pixelpipe captions write)"),
    "caption_dropout_every_n_epochs": "use training.caption_dropout, a share of all steps",
    **dict.fromkeys(("noise_offset_random_strength", "adaptive_noise_scale", "multires_noise_iterations",
                     "multires_noise_discount", "ip_noise_gamma", "ip_noise_gamma_random_strength"),
                    "of the changes to the noise, only noise_offset is there"),
    **dict.fromkeys(("debiased_estimation_loss", "loss_type", "huber_schedule", "huber_c", "huber_scale",
                     "min_timestep", "max_timestep", "weighting_scheme"),
                    "the loss is the squared error over all timesteps, weighted by min_snr_gamma if that is given"),
    **dict.fromkeys(("full_fp16", "full_bf16", "fp8_base", "fp8_base_unet"),
                    "trained weights stay fp32; mixed_precision sets that of the computation"),
    **dict.fromkeys(("lr_scheduler_num_cycles", "lr_scheduler_power", "lr_scheduler_args", "lr_decay_steps",
                     "lr_scheduler_timescale", "lr_scheduler_min_lr_ratio"),
                    "schedules are constant, or linear or cosine, which end at 0 with the last step"),
    **dict.fromkeys(("use_8bit_adam", "use_lion_optimizer"), "the optimizer is AdamW"),
    **dict.fromkeys(("in_json", "metadata_file"),
                    "captions are .txt beside the images, or a metadata.jsonl with file_name and text"),
    **dict.fromkeys(("deepspeed", "fused_backward_pass", "blocks_to_swap",
                     "cpu_offload_checkpointing"), "there is no such setting; pixelpipe chooses how it computes"),
    **dict.fromkeys(("max_validation_steps", "validate_every_n_steps"),
                    "the validation loss is of all held-out sprites, once an epoch"),
    **dict.fromkeys(("huggingface_repo_id", "huggingface_repo_type", "huggingface_path_in_repo",
                     "huggingface_repo_visibility", "huggingface_token", "save_state_to_huggingface",
                     "resume_from_huggingface", "async_upload"), "nothing is uploaded: pixelpipe export, then upload"),
    "training_comment": "write it into the YAML as a comment; an export's metadata has the verdict",
    "tokenizer_cache_dir": "the tokenizer is the base's own",
}  # fmt: skip
# key of MISSING -> its value that changes nothing, besides false, 0 and nothing at all
NEUTRAL = {
    "clip_skip": 1,
    "max_token_length": 75,
    "prior_loss_weight": 1.0,
    "loss_type": "l2",
    "caption_separator": ",",
    "lr_scheduler_num_cycles": 1,
    "lr_scheduler_power": 1,
    "max_timestep": 1000,
}
