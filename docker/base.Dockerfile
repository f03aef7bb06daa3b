# What all five images stand on: a base for Python functions, with Python and nothing that is not needed to run it.
# A production build names the base by digest, as in public.ecr.aws/lambda/python:3.12@sha256:...
ARG BASE_IMAGE=pass-the-base-image-by-digest
# A base that runs on the machine that builds, whatever the images are for: no stage of the target's own runs a command.
ARG BUILD_IMAGE=pass-the-base-image-by-digest
ARG BUILDPLATFORM

FROM ${BASE_IMAGE} AS base
# Without an instruction of its own a stage would be left behind by buildah.
WORKDIR /

FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS pruned
ARG PYTHON
WORKDIR /build
COPY assemble.py contents.json ./
COPY --from=base / /base
RUN python${PYTHON} assemble.py base

FROM scratch
ARG MADE_OF
COPY --from=pruned /base /
# The interpreter is in /var/lang on Lambda's own base, in /usr on others.
ENV PATH=/var/lang/bin:/usr/local/bin:/usr/bin:/bin \
    LD_LIBRARY_PATH=/var/lang/lib:/lib64:/usr/lib64 \
    PYTHONPATH=/var/task:/opt/python \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LANG=C.UTF-8 \
    TZ=UTC \
    LAMBDA_TASK_ROOT=/var/task \
    DESK=/var/task/desk.json \
    STRATEGIES=/var/task/strategies
WORKDIR /var/task
# Lambda takes a user of its own, without rights; anywhere else this one is taken.
USER 65532:65532
# The runtime client asks for events where AWS_LAMBDA_RUNTIME_API says: Lambda, or any other server of its API.
ENTRYPOINT ["python3", "-m", "awslambdaric"]
LABEL fanfold.made-of=$MADE_OF
