#!/usr/bin/env bash
# A3C on the nodes of one Slurm job, by Ray:
#
#     sbatch --nodes=4 experiments/cluster/ray_slurm.sh env.num_envs=65536 algo.num_shards=64
#
# Ray starts on every node, the run (the server) on the first, and all of it ends with the run. jaxac's environment has to
# be active, on a disk that all nodes see, and so has a token, made once by `ray get-auth-token --generate`. Without
# Slurm the script makes a cluster of this machine alone.
#SBATCH --job-name=jaxac
#SBATCH --ntasks-per-node=1
#SBATCH --time=01:00:00
#SBATCH --signal=B:USR1@60
set -euo pipefail
export RAY_AUTH_MODE=token RAY_USAGE_STATS_ENABLED=0 JAX_PLATFORMS=cpu
nodes=${SLURM_JOB_NUM_NODES:-1}
cores=${SLURM_CPUS_ON_NODE:-$(nproc)}
address=$(hostname -I | awk '{print $1}'):${RAY_PORT:-6379}

ray start --head --node-ip-address="${address%:*}" --port="${address#*:}" --num-cpus="$cores" \
  --include-dashboard=false --block >ray_head.log 2>&1 &
started=($!)
trap 'kill "${started[@]}" 2>/dev/null; wait' EXIT
if [ "$nodes" -gt 1 ]; then
  srun --nodes=$((nodes - 1)) --ntasks=$((nodes - 1)) --exclude="$(hostname)" \
    ray start --address="$address" --num-cpus="$cores" --block >ray_nodes.log 2>&1 &
  started+=($!)
fi
timeout 120 python - "$address" "$nodes" <<'PYTHON' # until all nodes are there
import contextlib, logging, sys, time, ray
address, nodes = sys.argv[1], int(sys.argv[2])
while not ray.is_initialized():
    with contextlib.suppress(ConnectionError):
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
while sum(node["Alive"] for node in ray.nodes()) < nodes:
    time.sleep(1)
PYTHON

python -m jaxac.train +algo=a3c algo.runtime=ray algo.ray.address="$address" "$@" &
run=$!
trap 'kill -USR1 $run' USR1 TERM # the run saves, and ends
code=0
wait $run || code=$?
[ "$code" -gt 128 ] && { wait $run || code=$?; } # a signal ends the first wait, not the run
exit "$code"
