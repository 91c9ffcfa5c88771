"""One S3 bucket, used carefully; it knows no port. No adapter itself: adapters that keep things in a bucket stand on it.

``settings`` what a profile may say of a bucket; ``objects`` the operations, each a point where a test can break it, and ``answers`` what they give; ``creation``
one object of any size, created once; ``errors`` what boto3 raises, with its cure; ``probe`` whether the server keeps its conditions at all;
``leavings`` what dead workers left.
"""
