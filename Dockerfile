FROM scratch
COPY wiretape /wiretape
ENV WIRETAPE_TAPE=/data
VOLUME /data
HEALTHCHECK --interval=30s --timeout=10s --start-period=10s CMD ["/wiretape", "status", "--check"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["/wiretape"]
CMD ["record"]
