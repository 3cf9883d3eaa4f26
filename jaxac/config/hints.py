"""The setting that was meant: by the field's other names, by its last part, or by a slip of the keyboard."""

import difflib
import re
from collections.abc import Iterable

from jaxac.config import catalog, settings
from jaxac.config.words import join, shorten

SYNONYMS = {
    "algo": "algorithm agent method",
    "algo.discount": "gamma discount_factor discounting",
    "algo.entropy_coef": "ent_coef ent_coeff entropy_coeff entropy_coefficient entropy_weight entropy_cost entropy "
    "beta_entropy",
    "algo.gae_lambda": "lambda lam lambda_ gae_lam gae lmbda td_lambda",
    "algo.kernel": "kernels backend",
    "algo.loss_terms": "losses loss_term extra_losses",
    "algo.max_staleness": "staleness staleness_bound max_delay",
    "algo.normalize_advantage": "norm_adv normalize_advantages adv_norm norm_advantage normalize_adv "
    "advantage_normalization",
    "algo.normalize_observations": "norm_obs normalize_obs obs_norm normalize_observation normalize norm_observations",
    "algo.num_shards": "num_workers n_workers workers num_actors n_actors actors shards n_shards num_learners "
    "num_threads n_threads threads num_processes n_proc",
    "algo.returns": "return_type advantage_estimator use_gae",
    "algo.unroll_length": "n_steps num_steps nsteps n_step unroll rollout_length rollout_steps rollout t_max "
    "horizon unroll_len trajectory_length steps_per_update num_rollout_steps rollout_len",
    "algo.value_coef": "vf_coef vf_coeff value_coeff value_loss_coef value_coefficient critic_coef value_cost "
    "baseline_cost critic_coeff c1",
    "checkpoint.every": "save_every save_freq save_frequency checkpoint_freq checkpoint_frequency checkpoint_every "
    "save_interval checkpoint_interval",
    "checkpoint.keep": "keep_checkpoints max_to_keep keep_last num_checkpoints",
    "env.name": "env_id env_name environment environment_name game gym_id task env_task",
    "env.num_envs": "n_envs num_env n_env num_environments n_environments batch_size batch batchsize envs nenvs "
    "parallel_envs num_parallel_envs minibatch_size",
    "env.params": "env_params env_kwargs env_args kwargs",
    "env.params.max_steps_in_episode": "max_episode_steps max_episode_length episode_length time_limit max_steps "
    "episode_limit",
    "env.reward_clip": "clip_rewards clip_reward reward_clipping",
    "env.reward_scale": "reward_scaling scale_rewards scale_reward rew_scale",
    "evaluation.episodes": "eval_episodes n_eval_episodes num_eval_episodes eval_eps num_evaluations",
    "evaluation.every": "eval_every eval_freq eval_frequency eval_interval evaluate_every",
    "evaluation.greedy": "deterministic eval_greedy deterministic_eval",
    "evaluation.stop_at_return": "target_return stop_return reward_threshold solved_at stop_at_reward",
    "hydra.run.dir": "output_dir out_dir outdir save_dir logdir log_dir run_dir dir directory output save_path exp_dir",
    "logger.console": "verbose progress_bar progress quiet",
    "logger.every": "log_every log_freq log_frequency log_interval logging_interval",
    "logger.wandb.entity": "wandb_entity entity team",
    "logger.wandb.group": "wandb_group",
    "logger.wandb.mode": "wandb_mode track wandb use_wandb",
    "logger.wandb.name": "wandb_name run_name exp_name experiment_name",
    "logger.wandb.project": "wandb_project wandb_project_name project_name",
    "logger.wandb.tags": "wandb_tags",
    "network.activation": "activation_fn nonlinearity act act_fn",
    "network.hidden_sizes": "hidden_size hidden_layers layers net_arch hidden_dim hidden_dims hidden_units "
    "num_units hidden num_hidden layer_sizes fc_layers mlp_sizes width",
    "network.memory": "recurrent recurrence rnn rnn_type cell cell_type lstm gru use_lstm use_rnn use_recurrent",
    "network.memory_size": "rnn_size rnn_hidden_size rnn_hidden_dim lstm_size lstm_hidden_size lstm_cell_size "
    "gru_hidden_dim recurrent_size cell_size hidden_state_size",
    "network.remember": "prev_action previous_action last_action use_prev_action use_last_action prev_reward "
    "lstm_use_prev_action lstm_use_prev_reward",
    "num_seeds": "n_seeds seeds nseeds num_runs n_runs",
    "optimizer": "optim opt optimiser",
    "optimizer.decay": "alpha rms_alpha rmsprop_alpha b2 beta2 beta_2 decay_rate rmsprop_decay",
    "optimizer.epsilon": "eps rms_eps adam_eps adam_epsilon rmsprop_epsilon opt_eps",
    "optimizer.learning_rate": "lr learningrate step_size stepsize lrate eta learn_rate alpha_lr init_lr initial_lr",
    "optimizer.max_grad_norm": "grad_clip clip_grad max_gradient_norm clip_norm gradient_clip gradient_clipping "
    "clip_grad_norm global_clip_norm max_norm grad_norm clip_gradients grad_clip_norm",
    "optimizer.momentum": "b1 beta1 beta_1",
    "optimizer.schedule": "lr_schedule anneal_lr lr_decay anneal lr_annealing linear_lr_decay schedule_type",
    "resume": "load checkpoint_path load_path restore restore_path load_from resume_from",
    "seed": "random_seed rng_seed rng prng_seed random_state",
    "stop_after_updates": "max_updates num_updates n_updates total_updates stop_after",
    "total_env_steps": "total_timesteps timesteps num_timesteps total_steps max_steps_total num_frames total_frames "
    "frames n_timesteps num_env_steps max_timesteps env_steps total_num_steps nb_steps steps train_steps "
    "num_train_steps",
}
"""Names that other libraries have for our settings."""
_BY_SYNONYM = {synonym: name for name, synonyms in SYNONYMS.items() for synonym in synonyms.split()}
_CLOSE, _CLOSE_ELSEWHERE = 0.72, 0.82
"""The least likeness of two names, in the same section and in another, for one to be a slip of the other."""


def of(name: str, env_name: str = "") -> str:
    """The advice on a name that is no setting: the setting that was meant, or where settings are listed.

    >>> of("algo.gamma"), of("env.num_env")
    ('did you mean algo.discount?', 'did you mean env.num_envs?')

    Args:
        name: the name that was given.
        env_name: the environment, whose parameters may be meant.
    """
    meant = find(name, env_name)
    return f"did you mean {join(meant)}?" if meant else "python -m jaxac.train --help lists them."


def unknown(name: str, env_name: str = "") -> str:
    """A sentence on a name that is no setting."""
    return f"{shorten(name)} is not a setting; {of(name, env_name)}"


def find(name: str, env_name: str = "") -> list[str]:
    """The settings that ``name`` may mean; empty if none comes near."""
    plain = _plain(name)
    if not plain:
        return []
    known = [*settings.table(), "experiment", *_hydras()]
    params = catalog.params(env_name)
    last = plain.rpartition(".")[2]
    for found in (
        [each for each in known if each == plain],
        [synonym] if (synonym := _synonym(plain)) else [],
        [f"env.params.{last}"] if last in params else [],
        [each for each in known if each.rpartition(".")[2] == last and each.count(".")],
        _near(plain, [*filter(_is_value if "." in plain else bool, known), *(f"env.params.{each}" for each in params)]),
    ):
        if found and found != [name]:
            return found[:3]
    return []


def _is_value(name: str) -> bool:
    """True for a setting, rather than a section or a group of them."""
    return name not in settings.groups() and not (name in settings.table() and settings.table()[name][0].is_section)


def _plain(name: str) -> str:
    """A name in our spelling: ``Env.Num-Envs`` and ``env.numEnvs`` are ``env.num_envs``."""
    if re.search("[a-z]", name):
        name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return re.sub(r"[^\w.]+", "_", name.strip(" -+~/").replace("/", ".")).lower().strip("._")


def _synonym(plain: str) -> str | None:
    """The setting that another library calls so; a section, ``optimizer.lr``, may stand before it."""
    return _BY_SYNONYM.get(plain.replace(".", "_")) or _BY_SYNONYM.get(plain.rpartition(".")[2])


def _near(plain: str, known: Iterable[str]) -> list[str]:
    """The setting whose name is nearly this one: in its own section first."""
    section, _, last = plain.rpartition(".")
    beside = [each for each in known if each.rpartition(".")[0] == section]
    close = difflib.get_close_matches(last, [each.rpartition(".")[2] for each in beside], 1, _CLOSE)
    if close:
        return [f"{section}.{close[0]}" if section else close[0]]
    close = difflib.get_close_matches(plain, known, 1, _CLOSE_ELSEWHERE)
    if close:
        return close
    lasts = {each.rpartition(".")[2]: each for each in known}
    synonyms = difflib.get_close_matches(last, [*lasts, *_BY_SYNONYM], 1, _CLOSE_ELSEWHERE)
    return [lasts.get(each) or _BY_SYNONYM[each] for each in synonyms if len(last) > 3]


def _hydras() -> list[str]:
    """Hydra's own settings that our documentation speaks of."""
    return [
        "hydra.run.dir", "hydra.sweep.dir", "hydra.sweep.subdir", "hydra.launcher.max_lanes", "hydra.launcher.how",
        "hydra.launcher.executor", "hydra.launcher.workers", "hydra.launcher.retries", "hydra.launcher.n_jobs",
        "hydra.sweeper.n_trials", "hydra.sweeper.n_jobs", "hydra.sweeper.direction",
    ]  # fmt: skip
