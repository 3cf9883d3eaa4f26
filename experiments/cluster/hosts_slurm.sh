#!/usr/bin/env bash
# A2C, or compiled A3C, on the GPUs of all nodes of one Slurm job, as one run:
#
#     sbatch --nodes=4 --gpus-per-node=8 experiments/cluster/hosts_slurm.sh +algo=a2c env.num_envs=1048576 algo.num_shards=32
#
# One task a node, which drives all of the node's GPUs; the first leads. The run's directory is named after the job, so
# that the job finds it when Slurm starts it again: before its time is up (USR1), when a node fails, or when it makes room
# for another (--requeue). Only the first node has to see the directory. Nothing is copied: jaxac's environment has to be
# active, and the same on all nodes.
#SBATCH --job-name=jaxac
#SBATCH --ntasks-per-node=1
#SBATCH --time=01:00:00
#SBATCH --signal=B:USR1@120
#SBATCH --requeue
#SBATCH --open-mode=append
set -uo pipefail
directory=outputs/slurm-${SLURM_JOB_ID:?this is a script for sbatch}

line=("$@" "hydra.run.dir=$directory")
if compgen -G "$directory/checkpoints/*.ckpt" >/dev/null; then
  line=("resume=$directory")
fi
# A task that fails ends the others, which a leader that was killed cannot do.
srun --kill-on-bad-exit=1 python -m jaxac.train "${line[@]}" &
step=$!

requeue=
stop() {
  requeue=$1
  kill -s "$2" $step # srun passes it on: the run saves, and ends
}
trap 'stop yes USR1' USR1
trap 'stop "" TERM' TERM
code=0
wait $step || code=$?
while kill -0 $step 2>/dev/null; do # a signal ends the wait, not the step
  wait $step || code=$?
done
[ -n "$requeue" ] && scontrol requeue "$SLURM_JOB_ID"
exit "$code"
