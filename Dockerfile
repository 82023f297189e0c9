# The repository with its environment. Build it, and carry out a target of the Makefile in it:
#   docker build -t sleepbench .
#   docker run -v "$PWD/runs:/sleepbench/runs" sleepbench bench BUDGET=2s
FROM python:3.11-slim
RUN apt-get update && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /sleepbench
COPY . .
RUN make .venv/installed
ENTRYPOINT ["make"]
CMD ["bench"]
